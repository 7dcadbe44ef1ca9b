// Virtual time and what happens in it: one queue of events, one source of dice. Everything in a
// simulated run comes from its seed, so a run can be repeated and, the second time, traced. Read
// on: host.hpp, link.hpp.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "runtime/actor.hpp"
#include "tests/support/sim_log.hpp"

namespace sluice::sim {

using runtime::Message;
using runtime::Time;
using testing::below;
using testing::chance;
using testing::Random;

/// Virtual time in microseconds; actors see milliseconds.
using Micros = std::int64_t;
inline constexpr Micros ms = 1'000;
inline constexpr Micros second = 1'000'000;

/// A checker has found something that must not be.
struct Violation {
  std::string what;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15u + 1) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Random& random() { return random_; }
  Micros now() const { return now_; }
  Time time() const { return Time(now_ / ms); }
  std::uint64_t steps() const { return steps_; }

  void at(Micros when, std::function<void()> what) {
    events_.push({std::max(when, now_), next_event_++, std::move(what)});
  }
  void after(Micros delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  /// Runs the next event; false if there is none before `until` (time is then `until`).
  bool step(Micros until);

  /// A delay between the two, mostly near the lower one.
  Micros delay(Micros from, Micros to);
  bool dice(unsigned percent) { return chance(random_, percent); }
  std::uint64_t pick(std::uint64_t bound) { return below(random_, bound); }

  /// Keeps the last `lines` lines of what happens; 0: keeps nothing.
  void trace_last(std::size_t lines) { trace_lines_ = lines; }
  template <class... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) {
    if (trace_lines_ != 0) keep(fmt::format(format, std::forward<Args>(args)...));
  }
  bool tracing() const { return trace_lines_ != 0; }
  const std::deque<std::string>& traced() const { return traced_; }

 private:
  struct Event {
    Micros when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  void keep(std::string line);

  Random random_;
  Micros now_ = 1000 * second;
  std::uint64_t next_event_ = 0;
  std::uint64_t steps_ = 0;
  std::priority_queue<Event> events_;
  std::size_t trace_lines_ = 0;
  std::deque<std::string> traced_;
};

/// "put#12.1 s3 n45 'body…'" for traces.
std::string describe(const Message& message);

}  // namespace sluice::sim
