// See load.hpp.
#include "bench/peers/load.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench::peers {

namespace {

constexpr std::chrono::seconds drain_time{20};

}  // namespace

Tally::Tally(const Options& options) : options_(options), result_(options) {
  result_.seconds = options.seconds;
}

void Tally::begin() {
  counts_from_ = Clock::now() + seconds(options_.warm_up_s);
  end_ = counts_from_ + seconds(options_.seconds);
}

bool Tally::over() const {
  const auto now = Clock::now();
  if (now < end_ || under_way_ == 0) return now >= end_;
  if (now > end_ + drain_time)
    throw std::runtime_error(fmt::format("{} requests were never answered", under_way_));
  return false;
}

void Tally::done(Clock::time_point asked_at) {
  --under_way_;
  const auto now = Clock::now();
  if (now >= counts_from_ && now < end_) result_.latencies.record(now - asked_at);
}

void Tally::failed(const std::string& error) {
  --under_way_;
  result_.failed(error);
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

std::string fresh_prefix() {
  return "bench-" + protocol::to_hex(runtime::SystemSecrets().bytes(4));
}

}  // namespace sluice::bench::peers
