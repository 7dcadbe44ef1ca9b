// See zmtp.hpp.
#include "bench/peers/zmtp.hpp"

#include <cstdint>
#include <stdexcept>

namespace sluice::bench::peers {
namespace {

constexpr unsigned char more_flag = 1;
constexpr unsigned char long_flag = 2;
constexpr unsigned char command_flag = 4;
constexpr std::size_t greeting_bytes = 64;
constexpr std::size_t short_frame_bytes = 255;

void put_size(std::string& out, std::uint64_t size, int bytes) {
  for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(size >> shift));
}

}  // namespace

ZmtpConnection::ZmtpConnection(const std::string& host, int port) : bytes_(host, port) {
  shake_hands();
}

void ZmtpConnection::shake_hands() {
  std::string& out = bytes_.out();
  out = std::string("\xFF\0\0\0\0\0\0\0\0\x7F\3\0NULL", 16);
  out.resize(greeting_bytes);
  std::string ready = "\5READY\13Socket-Type";
  put_size(ready, 6, 4);
  ready += "DEALER";
  out.push_back(static_cast<char>(command_flag));
  out.push_back(static_cast<char>(ready.size()));
  out += ready;
  flush();
  while (bytes_.left().size() < greeting_bytes) read();
  const std::string_view greeting = bytes_.left();
  if (greeting[0] != '\xFF' || greeting[10] < 3) throw std::runtime_error("no ZeroMQ 3 or later");
  bytes_.take(greeting_bytes);
  std::size_t end = 0;
  std::string_view frame;
  unsigned char flags = 0;
  while (!frame_at(end, frame, flags)) read();
  if (flags != command_flag || !frame.starts_with("\5READY"))
    throw std::runtime_error("the server did not shake hands");
  bytes_.take(end);
}

void ZmtpConnection::add(std::string_view frame, bool more) {
  const bool is_short = frame.size() <= short_frame_bytes;
  std::string& out = bytes_.out();
  out.push_back(static_cast<char>((more ? more_flag : 0) | (is_short ? 0 : long_flag)));
  put_size(out, frame.size(), is_short ? 1 : 8);
  out += frame;
}

bool ZmtpConnection::frame_at(std::size_t& at, std::string_view& frame,
                              unsigned char& flags) const {
  const std::string_view bytes = bytes_.left().substr(at);
  if (bytes.size() < 2) return false;
  flags = static_cast<unsigned char>(bytes[0]);
  const std::size_t size_bytes = (flags & long_flag) != 0 ? 8 : 1;
  if (bytes.size() < 1 + size_bytes) return false;
  std::uint64_t size = 0;
  for (std::size_t i = 1; i <= size_bytes; ++i)
    size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (bytes.size() - 1 - size_bytes < size) return false;
  frame = bytes.substr(1 + size_bytes, size);
  at += 1 + size_bytes + size;
  return true;
}

bool ZmtpConnection::next(Frames& frames) {
  frames = {};
  std::size_t end = 0;
  std::size_t count = 0;
  for (unsigned char flags = more_flag; (flags & more_flag) != 0; ++count) {
    if (count == frames.size()) throw std::runtime_error("a message of too many frames");
    if (!frame_at(end, frames[count], flags)) return false;
  }
  if (count < 2) throw std::runtime_error("a message of too few frames");
  bytes_.take(end);
  return true;
}

}  // namespace sluice::bench::peers
