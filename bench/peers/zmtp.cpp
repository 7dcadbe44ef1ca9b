// See zmtp.hpp.
#include "bench/peers/zmtp.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "bench/peers/locks.hpp"

namespace sluice::bench::peers {
namespace {

constexpr unsigned char more_flag = 1;
constexpr unsigned char long_flag = 2;
constexpr unsigned char command_flag = 4;
constexpr std::size_t greeting_bytes = 64;
constexpr std::size_t short_frame_bytes = 255;
constexpr std::size_t read_bytes = 16u << 10;

void put_size(std::string& out, std::uint64_t size, int bytes) {
  for (int shift = bytes * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(size >> shift));
}

}  // namespace

ZmtpConnection::ZmtpConnection(const std::string& host, int port) : fd_(connect_tcp(host, port)) {
  try {
    shake_hands();
  } catch (...) {
    close(fd_);
    throw;
  }
}

ZmtpConnection::~ZmtpConnection() {
  close(fd_);
}

void ZmtpConnection::shake_hands() {
  out_ = std::string("\xFF\0\0\0\0\0\0\0\0\x7F\3\0NULL", 16);
  out_.resize(greeting_bytes);
  std::string ready = "\5READY\13Socket-Type";
  put_size(ready, 6, 4);
  ready += "DEALER";
  out_.push_back(static_cast<char>(command_flag));
  out_.push_back(static_cast<char>(ready.size()));
  out_ += ready;
  flush();
  while (left().size() < greeting_bytes) read();
  if (left()[0] != '\xFF' || left()[10] < 3) throw std::runtime_error("no ZeroMQ 3 or later");
  taken_ = greeting_bytes;
  std::string_view frame;
  unsigned char flags = 0;
  while (!next_frame(frame, flags)) read();
  if (flags != command_flag || !frame.starts_with("\5READY"))
    throw std::runtime_error("the server did not shake hands");
}

void ZmtpConnection::add(std::string_view frame, bool more) {
  const bool is_short = frame.size() <= short_frame_bytes;
  out_.push_back(static_cast<char>((more ? more_flag : 0) | (is_short ? 0 : long_flag)));
  put_size(out_, frame.size(), is_short ? 1 : 8);
  out_ += frame;
}

void ZmtpConnection::flush() {
  for (std::string_view rest = out_; !rest.empty();) {
    const ssize_t sent = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.clear();
}

void ZmtpConnection::read() {
  std::copy(in_.begin() + static_cast<std::ptrdiff_t>(taken_),
            in_.begin() + static_cast<std::ptrdiff_t>(filled_), in_.begin());
  filled_ -= taken_;
  taken_ = 0;
  if (filled_ == in_.size()) in_.resize(filled_ + read_bytes);
  const ssize_t received = recv(fd_, in_.data() + filled_, in_.size() - filled_, 0);
  if (received < 0 && errno != EINTR)
    throw std::system_error(errno, std::generic_category(), "receive");
  if (received == 0) throw std::runtime_error("the server has closed the connection");
  if (received > 0) filled_ += static_cast<std::size_t>(received);
}

bool ZmtpConnection::next_frame(std::string_view& frame, unsigned char& flags) {
  const std::string_view bytes = left();
  if (bytes.size() < 2) return false;
  flags = static_cast<unsigned char>(bytes[0]);
  const std::size_t size_bytes = (flags & long_flag) != 0 ? 8 : 1;
  if (bytes.size() < 1 + size_bytes) return false;
  std::uint64_t size = 0;
  for (std::size_t i = 1; i <= size_bytes; ++i)
    size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (bytes.size() - 1 - size_bytes < size) return false;
  frame = bytes.substr(1 + size_bytes, size);
  taken_ += 1 + size_bytes + size;
  return true;
}

bool ZmtpConnection::next(std::string_view& first, std::string_view& second) {
  const std::size_t before = taken_;
  unsigned char of_first = 0;
  unsigned char of_second = 0;
  if (!next_frame(first, of_first) || !next_frame(second, of_second)) {
    taken_ = before;
    return false;
  }
  if ((of_first & more_flag) == 0 || (of_second & more_flag) != 0)
    throw std::runtime_error("a message that has not two frames");
  return true;
}

}  // namespace sluice::bench::peers
