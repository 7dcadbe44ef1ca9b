// One connection that speaks ZeroMQ's protocol (ZMTP 3, mechanism NULL) as a DEALER: what hiredis
// is to Redis, for a load whose own cost must not count. Read on: sluice_session.hpp,
// https://rfc.zeromq.org/spec/23/.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "bench/peers/connection.hpp"

namespace sluice::bench::peers {

class ZmtpConnection {
 public:
  /// Connects and shakes hands. Throws std::runtime_error.
  ZmtpConnection(const std::string& host, int port);

  int fd() const { return bytes_.fd(); }
  /// Puts a frame behind those that wait for `flush`.
  void add(std::string_view frame, bool more);
  void flush() { bytes_.flush(); }
  /// Reads once, waiting if nothing is there.
  void read() { bytes_.read(); }

  using Frames = std::array<std::string_view, 3>;
  /// Takes a message of two or three frames of what was read (the third is empty if it has two);
  /// false if no whole one is left. They live until the next `read`. Throws std::runtime_error for
  /// a message of another shape.
  bool next(Frames& frames);

 private:
  void shake_hands();
  /// The frame that begins so many bytes on, and where the next one does; false if it is not whole.
  bool frame_at(std::size_t& at, std::string_view& frame, unsigned char& flags) const;

  Connection bytes_;
};

}  // namespace sluice::bench::peers
