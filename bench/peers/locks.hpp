// What the loads of this directory have in common: each takes and gives back locks of one server
// over one connection a client, all driven by one thread, so that what driving costs is much the
// same for each. One of redis.cpp, etcd.cpp, zookeeper.cpp, sluice.cpp is linked with main.cpp.
// Read on: scripts/compare-peers.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "bench/options.hpp"
#include "bench/result.hpp"

namespace sluice::bench::peers {

using Clock = std::chrono::steady_clock;

/// Takes and gives back for as long as the options say. Throws std::runtime_error when the server
/// does not answer or says what was not expected.
Result run_locks(const Options& options);

/// Counts what is granted between `begin` and the end of the time.
class Tally {
 public:
  explicit Tally(const Options& options);
  void begin();
  bool over() const { return Clock::now() >= end_; }
  /// A lock that was asked for at that moment, when it is granted.
  void granted(Clock::time_point asked_at);
  void failed(const std::string& error);
  Result result();

 private:
  Result result_;
  std::chrono::duration<double> time_;
  Clock::time_point begin_;
  Clock::time_point end_;
};

/// "127.0.0.1:6379" in two. Throws std::runtime_error.
std::pair<std::string, int> host_and_port(const std::string& server);

/// Connects, with small writes sent at once; gives the descriptor. Throws std::system_error.
int connect_tcp(const std::string& host, int port);

/// Begins the names of one run's locks, so that nothing of another run is in the way.
std::string fresh_prefix();

}  // namespace sluice::bench::peers
