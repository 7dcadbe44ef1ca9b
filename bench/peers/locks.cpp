// See locks.hpp.
#include "bench/peers/locks.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench::peers {

namespace {

constexpr std::chrono::seconds drain_time{20};

}  // namespace

Tally::Tally(const Options& options) : time_(options.seconds) {
  result_.op = options.op;
  result_.clients = options.clients;
  result_.seconds = options.seconds;
}

void Tally::begin() {
  end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(time_);
}

bool Tally::over() const {
  const auto now = Clock::now();
  if (now < end_ || under_way_ == 0) return now >= end_;
  if (now > end_ + drain_time)
    throw std::runtime_error(fmt::format("{} requests were never answered", under_way_));
  return false;
}

void Tally::granted(Clock::time_point asked_at) {
  --under_way_;
  const auto now = Clock::now();
  if (now >= end_) return;
  const std::chrono::duration<double, std::micro> took = now - asked_at;
  ++result_.ops;
  result_.latencies_us.push_back(took.count());
}

void Tally::failed(const std::string& error) {
  --under_way_;
  if (result_.errors++ == 0) result_.first_error = error;
}

void drive(runtime::Poller& poller, Tally& tally, const std::function<void()>& begin,
           const std::function<void()>& sign) {
  tally.begin();
  begin();
  for (auto next_sign = Clock::now(); !tally.over();) {
    if (poller.wait(std::chrono::milliseconds(100))) poller.call_ready();
    if (Clock::now() < next_sign) continue;
    sign();
    next_sign = Clock::now() + std::chrono::seconds(1);
  }
}

std::pair<std::string, int> host_and_port(const std::string& server) {
  const auto colon = server.rfind(':');
  int port = 0;
  if (colon != std::string::npos)
    std::from_chars(server.data() + colon + 1, server.data() + server.size(), port);
  if (port <= 0 || port > 65'535) throw std::runtime_error(server + ": not ADDRESS:PORT");
  return {server.substr(0, colon), port};
}

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

std::string fresh_prefix() {
  return "bench-" + protocol::to_hex(runtime::SystemSecrets().bytes(4));
}

}  // namespace sluice::bench::peers
