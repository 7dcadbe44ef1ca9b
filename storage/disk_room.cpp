// Room on a disk: see disk_room.hpp.
#include "storage/disk_room.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::storage {

bool has_room(int on_the_disk, std::uint64_t size_bytes) {
  struct statvfs disk;
  if (::fstatvfs(on_the_disk, &disk) != 0) return true;
  return size_bytes / disk.f_frsize < disk.f_bavail;
}

std::optional<std::uint64_t> disk_bytes(int on_the_disk) {
  struct statvfs disk;
  if (::fstatvfs(on_the_disk, &disk) != 0) return std::nullopt;
  return disk.f_blocks * disk.f_frsize;
}

bool grow_to(int file, std::uint64_t size_bytes) {
  struct stat info;
  if (::fstat(file, &info) != 0) return false;
  if (::fallocate(file, 0, 0, static_cast<off_t>(size_bytes)) == 0) return true;
  const int error = errno;
  [[maybe_unused]] const int rc = ::ftruncate(file, info.st_size);
  errno = error;
  return false;
}

}  // namespace sluice::storage
