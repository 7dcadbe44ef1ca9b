// An open local file that closes itself, what is read from and written to it as a whole, and the
// error that a system call on it left. Read on:
// client/transfer/input.cpp, client/transfer/local_target.cpp.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "protocol/errors.hpp"

namespace sluice::client {

class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileHandle() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// `local_io` with the reason in errno.
inline tl::unexpected<protocol::Error> local_failure(std::string_view path) {
  return protocol::fail(protocol::Code::local_io, path, std::strerror(errno));
}

/// Up to `size` bytes at `offset`, fewer only where the file ends before; -1: errno.
inline ssize_t read_whole(const FileHandle& file, std::uint64_t offset, char* buffer,
                          std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(file.get(), buffer + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

inline constexpr std::int64_t ns_per_s = 1'000'000'000;

inline std::int64_t ns_of(const timespec& time) {
  return time.tv_sec * ns_per_s + time.tv_nsec;
}

/// Sets the time of change, which may lie before 1970. False: errno.
inline bool set_mtime(const FileHandle& file, std::int64_t mtime_ns) {
  const std::int64_t rest_ns = (mtime_ns % ns_per_s + ns_per_s) % ns_per_s;
  const timespec times[2] = {{0, UTIME_OMIT}, {(mtime_ns - rest_ns) / ns_per_s, rest_ns}};
  return ::futimens(file.get(), times) == 0;
}

/// Writes all of it; fails with `local_io`.
inline protocol::Result<void> write_all(const FileHandle& file, std::string_view bytes,
                                        std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return local_failure(path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace sluice::client
