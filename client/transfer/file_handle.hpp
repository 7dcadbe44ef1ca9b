// An open local file that closes itself, and the error that a system call on it left. Read on:
// client/transfer/input.cpp, client/transfer/local_target.cpp.
#pragma once

#include <unistd.h>

#include <cerrno>
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
