// See spare_files.hpp.
#include "storage/spare_files.hpp"

#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

#include "protocol/limits.hpp"
#include "storage/directory.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {

namespace limits = protocol::limits;

namespace {

// Between two looks at the room on the disk, which cost a system call.
constexpr std::uint64_t adds_a_look = 1024;
// One that cannot be used again is not looked for for ever: a new file does as well.
constexpr int tries = 4;

// The kernel grants a lease for writing only if nobody else has the file open. It is given back at
// once: the name is in nobody's reach.
bool is_open_elsewhere(int fd) {
  // Broken by somebody who looks into spare/ just now, a lease tells so by SIGIO, which ends a
  // process; this signal does not.
  if (::fcntl(fd, F_SETSIG, SIGURG) != 0 || ::fcntl(fd, F_SETLEASE, F_WRLCK) != 0) return true;
  return ::fcntl(fd, F_SETLEASE, F_UNLCK) != 0;
}

// A stamp of a small file, and nothing that somebody else attached and that would go on to another
// file: access lists, labels.
bool has_only_stamp(int fd) {
  char names[64];
  const ssize_t size = ::flistxattr(fd, names, sizeof names);
  constexpr std::size_t wanted = std::char_traits<char>::length(stamp_attribute) + 1;
  if (size != wanted || std::memcmp(names, stamp_attribute, wanted) != 0) return false;
  const auto found = read_stamp(fd);
  return found.stamp && found.stamp->size_bytes <= limits::leaf_bytes;
}

}  // namespace

bool SpareFiles::adopt() {
  const auto names = names_in(root_->spare.get());
  if (!names) return false;
  for (const std::string& name : *names) {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
    if (problem == std::errc{} && end == name.data() + name.size())
      last_name_ = std::max(last_name_, number);
    struct stat info;
    if (::fstatat(root_->spare.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (takes(info))
      add(name, info);
    else if (!unlink_with_leaves(*root_, root_->spare.get(), name))
      return false;
  }
  return true;
}

bool SpareFiles::takes(const struct stat& replaced) const {
  return room_ && S_ISREG(replaced.st_mode) &&
         std::cmp_less_equal(replaced.st_size, limits::leaf_bytes) && replaced.st_nlink == 1 &&
         replaced.st_uid == ::geteuid() && spares_.size() < limits::spare_files &&
         bytes_ < limits::spare_bytes;
}

bool SpareFiles::get(Fresh& fresh) {
  for (int i = 0; i < tries && !spares_.empty() && spares_.front().ordinal <= synced_; ++i) {
    const Spare spare = std::move(spares_.front());
    spares_.pop_front();
    bytes_ -= spare.size_bytes;
    if (reuse(spare, fresh)) return true;
    unlink_with_leaves(*root_, root_->spare.get(), spare.name);
  }
  fresh.name = hex_name(++last_name_);
  fresh.file = open_at(root_->spare.get(), fresh.name, O_RDWR | O_CREAT | O_EXCL, 0600);
  fresh.size_bytes = 0;
  fresh.mode.reset();
  return bool(fresh.file);
}

bool SpareFiles::reuse(const Spare& spare, Fresh& fresh) const {
  fresh.file = open_at(root_->spare.get(), spare.name, O_RDWR | O_NONBLOCK);
  struct stat info;
  if (!fresh.file || ::fstat(fresh.file.get(), &info) != 0) return false;
  if (!S_ISREG(info.st_mode) || info.st_nlink != 1 || !has_only_stamp(fresh.file.get()) ||
      is_open_elsewhere(fresh.file.get()))
    return false;
  fresh.name = spare.name;
  fresh.size_bytes = static_cast<std::uint64_t>(info.st_size);
  fresh.mode = info.st_mode & 07777;
  return true;
}

void SpareFiles::add(const std::string& name, const struct stat& replaced) {
  // Its time of change tells whoever has it open that it is the file at its path no more
  // (storage/cached_files.hpp): to change places does so only on some filesystems.
  if (::fchmodat(root_->spare.get(), name.c_str(), 0600, 0) != 0) {
    unlink_with_leaves(*root_, root_->spare.get(), name);
    return;
  }
  const auto size = static_cast<std::uint64_t>(replaced.st_size);
  spares_.push_back({name, size, ++added_});
  bytes_ += size;
  if (added_ % adds_a_look == 1) look_for_room();
}

void SpareFiles::look_for_room() {
  struct statvfs disk;
  room_ = ::fstatvfs(root_->spare.get(), &disk) == 0 &&
          disk.f_bavail > limits::spare_room_bytes / disk.f_frsize &&
          (disk.f_files == 0 || disk.f_favail > limits::spare_files);
  if (!room_) drop_all();
}

void SpareFiles::drop_all() {
  for (const Spare& spare : spares_) unlink_with_leaves(*root_, root_->spare.get(), spare.name);
  spares_.clear();
  bytes_ = 0;
}

}  // namespace sluice::storage
