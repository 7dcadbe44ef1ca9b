// See connection.hpp.
#include "bench/peers/connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace sluice::bench::peers {
namespace {

constexpr std::size_t read_bytes = 16u << 10;

int connect_tcp(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    throw std::runtime_error(host + ": not an IPv4 address");
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
  const int on = 1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    const int error = errno;
    close(fd);
    throw std::system_error(error, std::generic_category(), host);
  }
  return fd;
}

}  // namespace

Connection::Connection(const std::string& host, int port) : fd_(connect_tcp(host, port)) {}

Connection::~Connection() {
  close(fd_);
}

void Connection::flush() {
  for (std::string_view rest = out_; !rest.empty();) {
    const ssize_t sent = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::system_error(errno, std::generic_category(), "send");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.clear();
}

void Connection::read() {
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

}  // namespace sluice::bench::peers
