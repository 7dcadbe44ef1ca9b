// What the loads of this directory have in common: each takes and gives back locks of one server,
// or gets and puts small files, over one connection a client, all driven by one thread, so that
// what driving costs is much the same for each. One of locks_*.cpp and files_*.cpp is linked with
// main.cpp. Read on: scripts/compare-peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/options.hpp"
#include "bench/result.hpp"
#include "runtime/poller.hpp"

namespace sluice::bench::peers {

/// What the load that is linked can do: Options::op.
extern const std::vector<std::string> operations;

/// Does it again and again for as long as the options say. Throws std::runtime_error when the
/// server does not answer or says what was not expected.
Result run_load(const Options& options);

/// Counts what is done between `begin` and the end of the time, and what is under way: a load
/// ends only when everything that it asked for is granted and given back. What was left behind
/// would be in the way of the next one (etcd 3.4 keeps later waiters for ever once some that
/// waited have gone).
class Tally {
 public:
  explicit Tally(const Options& options);
  void begin();
  /// Nothing more is to be asked for.
  bool ending() const { return Clock::now() >= end_; }
  /// The same, and nothing is under way. Throws std::runtime_error if that takes too long.
  bool over() const;
  /// A request goes out: a file, a lock, or its release.
  void asked() { ++under_way_; }
  /// What was asked for at that moment is here: a lock is granted, a file moved.
  void done(Clock::time_point asked_at);
  /// A lock is given back.
  void released() { --under_way_; }
  /// What was asked for is refused.
  void failed(const std::string& error);
  Result result() { return std::move(result_); }

 private:
  const Options& options_;
  Result result_;
  Clock::time_point counts_from_;
  Clock::time_point end_;
  std::size_t under_way_ = 0;
};

/// Calls `begin`, then what the poller watches, until all is over; `sign` once a second.
void drive(
    runtime::Poller& poller, Tally& tally, const std::function<void()>& begin,
    const std::function<void()>& sign = [] {});

/// "127.0.0.1:6379" in two. Throws std::runtime_error.
std::pair<std::string, int> host_and_port(const std::string& server);

/// Begins the names of one run's locks and files, so that nothing of another run is in the way.
std::string fresh_prefix();

}  // namespace sluice::bench::peers
