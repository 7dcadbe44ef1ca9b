// One connection that speaks ZeroMQ's protocol (ZMTP 3, mechanism NULL) as a DEALER, by plain
// reads and writes: what hiredis is to Redis, for a load whose own cost must not count. A
// connection belongs to one thread and blocks while it writes. Read on: sluice.cpp,
// https://rfc.zeromq.org/spec/23/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench::peers {

class ZmtpConnection {
 public:
  /// Connects and shakes hands. Throws std::runtime_error.
  ZmtpConnection(const std::string& host, int port);
  ~ZmtpConnection();
  ZmtpConnection(const ZmtpConnection&) = delete;
  ZmtpConnection& operator=(const ZmtpConnection&) = delete;

  int fd() const { return fd_; }
  /// Puts a frame behind those that wait for `flush`.
  void add(std::string_view frame, bool more);
  void flush();
  /// Reads once, waiting if nothing is there.
  void read();
  /// Takes a message of two frames of what was read; false if no whole one is left. They live until
  /// the next `read`. Throws std::runtime_error when it has not just two.
  bool next(std::string_view& first, std::string_view& second);

 private:
  void shake_hands();
  bool next_frame(std::string_view& frame, unsigned char& flags);
  /// The bytes that were read and not taken.
  std::string_view left() const { return {in_.data() + taken_, filled_ - taken_}; }

  int fd_ = -1;
  std::string out_;
  std::vector<char> in_;
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace sluice::bench::peers
