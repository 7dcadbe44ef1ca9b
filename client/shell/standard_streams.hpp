// Standard input and output, so that Ctrl-C ends a wait for a pipe or terminal on the other end.
// Each object belongs to one thread. Read on: interruption.hpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "client/shell/interruption.hpp"

namespace sluice::shell {

/// Nobody reads standard output any more: end as quietly as SIGPIPE does.
struct BrokenPipe {};

class StandardOutput {
 public:
  explicit StandardOutput(const Interruption& interruption);

  /// Buffered. Throws BrokenPipe, `interrupted`, `local_io`.
  void print(std::string_view text);
  void flush();
  /// Straight through, after what was printed before.
  void write(std::string_view bytes);
  /// On a terminal, begins a new line if the last one was not ended.
  void end_line();
  bool is_terminal() const { return is_terminal_; }

 private:
  void send(std::string_view bytes);
  /// As many as fit, after waiting for room if there is none; 0: try again. Failed: -1, errno.
  ssize_t send_some(std::string_view bytes);

  const Interruption& interruption_;
  bool is_terminal_ = false;
  bool may_block_ = true;
  /// Whether a write can be told not to block; terminals cannot, and pipes of kernels before 6.4.
  bool takes_what_fits_ = true;
  bool at_line_begin_ = true;
  std::string buffer_;
};

/// Standard input, or a pipe that has a name.
class InputStream {
 public:
  /// The descriptor stays the caller's; `name` is for messages.
  InputStream(int fd, std::string name, const Interruption& interruption)
      : fd_(fd), name_(std::move(name)), interruption_(interruption) {}

  /// Up to `size` bytes; 0 at the end. Throws `interrupted`, `local_io`.
  std::size_t read(char* buffer, std::size_t size);

 private:
  int fd_;
  std::string name_;
  const Interruption& interruption_;
};

}  // namespace sluice::shell
