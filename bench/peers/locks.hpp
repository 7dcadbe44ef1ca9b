// What the loads of this directory have in common: each takes and gives back locks of one server
// over one connection a client, all driven by one thread, so that what driving costs is much the
// same for each. One of redis.cpp, etcd.cpp, zookeeper.cpp, sluice.cpp is linked with main.cpp.
// Read on: scripts/compare-peers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "bench/options.hpp"
#include "bench/result.hpp"
#include "runtime/poller.hpp"

namespace sluice::bench::peers {

using Clock = std::chrono::steady_clock;

/// Takes and gives back for as long as the options say. Throws std::runtime_error when the server
/// does not answer or says what was not expected.
Result run_locks(const Options& options);

/// Counts what is granted between `begin` and the end of the time, and what is under way: a load
/// ends only when everything that it asked for is granted and given back. What was left behind
/// would be in the way of the next one (etcd 3.4 keeps later waiters for ever once some that
/// waited have gone).
class Tally {
 public:
  explicit Tally(const Options& options);
  void begin();
  /// No more locks are to be asked for.
  bool ending() const { return Clock::now() >= end_; }
  /// The same, and nothing is under way. Throws std::runtime_error if that takes too long.
  bool over() const;
  /// A lock, or its release, goes out.
  void asked() { ++under_way_; }
  /// A lock that was asked for at that moment, when it is granted.
  void granted(Clock::time_point asked_at);
  void released() { --under_way_; }
  /// What was asked for is refused.
  void failed(const std::string& error);
  Result result() { return std::move(result_); }

 private:
  Result result_;
  std::chrono::duration<double> time_;
  Clock::time_point end_;
  std::size_t under_way_ = 0;
};

/// Calls `begin`, then what the poller watches, until all is over; `sign` once a second.
void drive(
    runtime::Poller& poller, Tally& tally, const std::function<void()>& begin,
    const std::function<void()>& sign = [] {});

/// "127.0.0.1:6379" in two. Throws std::runtime_error.
std::pair<std::string, int> host_and_port(const std::string& server);

/// Connects, with small writes sent at once; gives the descriptor. Throws std::system_error.
int connect_tcp(const std::string& host, int port);

/// Begins the names of one run's locks, so that nothing of another run is in the way.
std::string fresh_prefix();

}  // namespace sluice::bench::peers
