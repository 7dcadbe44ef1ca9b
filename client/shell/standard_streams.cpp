// Standard input and output: see standard_streams.hpp.
#include "client/shell/standard_streams.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t buffer_bytes = 64u << 10;
/// What a pipe that poll() calls writable takes without blocking.
constexpr std::size_t pipe_bytes = 4096;

void wait_for(int fd, short events, const Interruption& interruption) {
  std::array<pollfd, 2> ready{{{fd, events, 0}, {interruption.wake_fd(), POLLIN, 0}}};
  while (::poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) {
  }
  interruption.check();
}

}  // namespace

StandardOutput::StandardOutput(const Interruption& interruption)
    : interruption_(interruption), is_terminal_(::isatty(STDOUT_FILENO) == 1) {
  struct stat about {};
  may_block_ = ::fstat(STDOUT_FILENO, &about) != 0 || !S_ISREG(about.st_mode);
}

void StandardOutput::print(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes) flush();
}

void StandardOutput::flush() {
  const std::string bytes = std::exchange(buffer_, {});
  send(bytes);
}

void StandardOutput::write(std::string_view bytes) {
  flush();
  send(bytes);
}

void StandardOutput::end_line() {
  flush();
  if (is_terminal_ && !at_line_begin_) send("\n");
}

void StandardOutput::send(std::string_view bytes) {
  if (!bytes.empty()) at_line_begin_ = bytes.back() == '\n';
  while (!bytes.empty()) {
    interruption_.check();
    const ssize_t sent = send_some(bytes);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EPIPE) {
      throw BrokenPipe{};
    } else if (errno != EINTR && errno != EAGAIN) {
      throw Error("local_io", "standard output", std::strerror(errno));
    }
  }
}

ssize_t StandardOutput::send_some(std::string_view bytes) {
  if (!may_block_) return ::write(STDOUT_FILENO, bytes.data(), bytes.size());
  if (takes_what_fits_) {
    const iovec all{const_cast<char*>(bytes.data()), bytes.size()};
    const ssize_t sent = ::pwritev2(STDOUT_FILENO, &all, 1, -1, RWF_NOWAIT);
    const bool full = sent < 0 && errno == EAGAIN;
    if (full) wait_for(STDOUT_FILENO, POLLOUT, interruption_);
    takes_what_fits_ = full || sent >= 0 || (errno != EOPNOTSUPP && errno != EINVAL);
    if (takes_what_fits_) return full ? 0 : sent;
  }
  wait_for(STDOUT_FILENO, POLLOUT, interruption_);
  return ::write(STDOUT_FILENO, bytes.data(), std::min(bytes.size(), pipe_bytes));
}

std::size_t InputStream::read(char* buffer, std::size_t size) {
  while (true) {
    wait_for(fd_, POLLIN, interruption_);
    const ssize_t got = ::read(fd_, buffer, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && errno != EAGAIN) throw Error("local_io", name_, std::strerror(errno));
  }
}

}  // namespace sluice::shell
