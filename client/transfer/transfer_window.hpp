// How much of one transfer is under way at once, and in what pieces: as much as keeps the slowest
// part between here and the server's disk busy, found out from how long its requests take. Knows no
// clock; used by one thread. Read on: docs/architecture.md, "How much is under way".
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "client/requester.hpp"

namespace sluice::client {

class TransferWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit TransferWindow(const ServerLimits& limits);

  /// What may be under way: at most half of what the server grants, so that two transfers of one
  /// session do not stand in each other's way.
  std::size_t window_bytes() const { return window_bytes_; }
  /// What the next request is to carry, whole leaves.
  std::size_t chunk_bytes() const { return chunk_bytes_; }
  std::size_t under_way_bytes() const { return under_way_bytes_; }
  bool has_room() const { return under_way_bytes_ + chunk_bytes_ <= window_bytes_; }

  /// A request for or with the bytes at `offset`, of which none other is under way.
  void sent(std::uint64_t offset, std::size_t bytes, Time now);
  /// Its answer has arrived. Gives the bytes that it was for.
  std::size_t answered(std::uint64_t offset, Time now);

 private:
  using Duration = std::chrono::duration<double>;
  struct Request {
    std::size_t bytes = 0;
    Time at;
    /// What had been answered then, and when the last answer of that had come.
    std::uint64_t answered_bytes = 0;
    Time answered_at;
  };

  void see_rate(const Request& request, Time now);
  void see_delay(const Request& request, Time now);
  void adapt();

  const std::size_t chunk_most_;
  const std::size_t window_most_;
  std::size_t chunk_bytes_;
  std::size_t window_bytes_;
  std::map<std::uint64_t, Request> under_way_;
  std::size_t under_way_bytes_ = 0;
  std::uint64_t answered_bytes_ = 0;
  Time answered_at_;
  /// The best of the stretch of time that is under way, and of the one before, bytes a second: what
  /// was true long ago is forgotten.
  std::array<double, 2> rates_{};
  Time stretch_since_;
  /// The shortest from a request to its answer, of how many bytes that was, and when it was seen.
  Duration delay_ = Duration::max();
  std::size_t delay_bytes_ = 0;
  Time delay_seen_;
  /// It was seen too long ago: the window is kept small until it can be seen without the queue
  /// that the window itself makes; from when on it is small.
  bool looks_for_delay_ = false;
  std::optional<Time> small_since_;
};

}  // namespace sluice::client
