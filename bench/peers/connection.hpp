// One tcp connection with what is to be sent and what was received, by plain reads and writes: for
// loads whose own cost must not count. It belongs to one thread and blocks while it writes. Read
// on: zmtp.hpp, files_http.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench::peers {

class Connection {
 public:
  /// Connects, with small writes sent at once. Throws std::runtime_error.
  Connection(const std::string& host, int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  /// What waits for `flush`; to be added to.
  std::string& out() { return out_; }
  void flush();
  /// Reads once, waiting if nothing is there. Throws std::runtime_error at the end.
  void read();
  /// The bytes that were read and not taken; they live until the next `read`.
  std::string_view left() const { return {in_.data() + taken_, filled_ - taken_}; }
  void take(std::size_t bytes) { taken_ += bytes; }

 private:
  int fd_ = -1;
  std::string out_;
  std::vector<char> in_;
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace sluice::bench::peers
