// An open file descriptor that closes itself, and the few system calls of the room in the form the
// rest of it wants: retried when interrupted, written and read in full, names never followed
// through links. They report like the calls they wrap (false or -1 and errno); storage/failure.hpp
// turns that into errors. Any thread; nothing is shared.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace sluice::storage {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

/// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// openat(2) of one name, close-on-exec, never through a link.
Descriptor open_at(int directory, const std::string& name, int flags, mode_t mode = 0);

/// openat2(2) of a path that stays beneath `root` and goes through no link; "" is the root itself.
/// `cached`: fails with EAGAIN where the walk would have to wait for the disk.
Descriptor open_beneath(int root, const std::string& path, int flags, bool cached = false);

/// A fresh descriptor of an open directory, with a position of its own.
Descriptor reopen_directory(int directory);

/// renameat2(2). `flags` is 0, RENAME_NOREPLACE or RENAME_EXCHANGE.
bool rename_at(int from_directory, const std::string& from, int to_directory, const std::string& to,
               unsigned flags = 0);

/// A hard link to the very inode that `fd` is open on, whatever its name is by now.
bool link_descriptor(int fd, int directory, const std::string& name);

/// True as well if there is no such name.
bool unlink_at(int directory, const std::string& name);

/// Reads until `size` bytes or the end of the file; -1 on an error.
ssize_t read_at(int fd, char* bytes, std::size_t size, std::uint64_t offset);

/// The same of what is in memory: EAGAIN where that ends before `size` bytes, or where the
/// filesystem cannot tell.
ssize_t read_cached_at(int fd, char* bytes, std::size_t size, std::uint64_t offset);

/// Writes all of it. On failure `written`, if given, tells how many bytes were.
bool write_at(int fd, std::span<const char> bytes, std::uint64_t offset,
              std::size_t* written = nullptr);

/// "/proc/self/fd/N": names what is open even where the call at hand takes no O_PATH descriptor.
std::string descriptor_path(int fd);

}  // namespace sluice::storage
