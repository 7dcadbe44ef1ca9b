// The system calls: see descriptor.hpp.
#include "storage/descriptor.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstdio>

namespace sluice::storage {

Descriptor open_at(int directory, const std::string& name, int flags, mode_t mode) {
  return Descriptor(uninterrupted([&] {
    return ::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, mode);
  }));
}

Descriptor open_beneath(int root, const std::string& path, int flags, bool cached) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  if (cached) how.resolve |= RESOLVE_CACHED;
  const char* name = path.empty() ? "." : path.c_str();
  return Descriptor(static_cast<int>(
      uninterrupted([&] { return ::syscall(SYS_openat2, root, name, &how, sizeof how); })));
}

Descriptor reopen_directory(int directory) {
  return open_at(directory, ".", O_RDONLY | O_DIRECTORY);
}

bool rename_at(int from_directory, const std::string& from, int to_directory, const std::string& to,
               unsigned flags) {
  return ::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), flags) == 0;
}

bool link_descriptor(int fd, int directory, const std::string& name) {
  // AT_EMPTY_PATH would need a capability that only root has.
  return ::linkat(AT_FDCWD, descriptor_path(fd).c_str(), directory, name.c_str(),
                  AT_SYMLINK_FOLLOW) == 0;
}

bool unlink_at(int directory, const std::string& name) {
  return ::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT;
}

ssize_t read_at(int fd, char* bytes, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = uninterrupted(
        [&] { return ::pread(fd, bytes + done, size - done, static_cast<off_t>(offset + done)); });
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

ssize_t read_cached_at(int fd, char* bytes, std::size_t size, std::uint64_t offset) {
  const iovec into{bytes, size};
  const ssize_t got = uninterrupted(
      [&] { return ::preadv2(fd, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
  if (got == static_cast<ssize_t>(size)) return got;
  errno = EAGAIN;
  return -1;
}

bool write_at(int fd, std::span<const char> bytes, std::uint64_t offset, std::size_t* written) {
  std::size_t done = 0;
  bool ok = true;
  while (ok && done < bytes.size()) {
    const ssize_t put = uninterrupted([&] {
      return ::pwrite(fd, bytes.data() + done, bytes.size() - done,
                      static_cast<off_t>(offset + done));
    });
    if (put == 0) errno = EIO;
    ok = put > 0;
    if (ok) done += static_cast<std::size_t>(put);
  }
  if (written) *written = done;
  return ok;
}

std::string descriptor_path(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

}  // namespace sluice::storage
