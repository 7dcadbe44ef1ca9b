// table_size COUNT: what one more lock costs beside 1,000 that are held and beside COUNT of them,
// in the lock table and the leases themselves. Prints one line of JSON for each way the paths can
// lie and each number held: medians and 99th percentiles of acquire and release in ns, bytes a
// lock, and how long it takes to look at all leases once when their time comes. Run by
// test_many_locks.py.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "broker/locks/leases.hpp"
#include "broker/locks/lock_table.hpp"

namespace {

using namespace sluice::broker::locks;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t sessions = 100;
constexpr std::size_t measured = 20'000;
constexpr std::uint32_t ttl_ms = 10'000;

std::uint64_t ns_since(Clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count());
}

// How the paths lie.
std::string path_of(const std::string& layout, std::uint64_t i) {
  if (layout == "flat") return fmt::format("all/{}", i);
  if (layout == "deep")
    return fmt::format("a{}/b{}/c{}/d{}/{}", i % 10, i / 10 % 10, i / 100 % 10, i / 1000 % 10, i);
  return fmt::format("{}/{}", i % sessions, i);
}

struct Percentiles {
  std::uint64_t p50 = 0;
  std::uint64_t p99 = 0;
};

Percentiles percentiles(std::vector<std::uint64_t>& times) {
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

class Room {
 public:
  Room(std::string layout, std::uint64_t held) : layout_(std::move(layout)), held_(held) {
    for (std::uint64_t session = 1; session <= sessions; ++session) leases_.alive(session, now_);
    for (std::uint64_t i = 0; i < held; ++i) acquire(path_of(layout_, i));
  }

  std::string measure(std::size_t bytes) {
    std::mt19937_64 random(held_);
    std::vector<std::uint64_t> acquires;
    std::vector<std::uint64_t> releases;
    for (std::size_t i = 0; i < measured; ++i) {
      // A name that nobody holds, beside some that are held.
      const std::string path = path_of(layout_, random() % held_) + "x";
      const auto begin = Clock::now();
      const Id id = acquire(path);
      acquires.push_back(ns_since(begin));
      const auto middle = Clock::now();
      leases_.drop(id);
      table_.remove(id);
      releases.push_back(ns_since(middle));
    }
    const Percentiles acquire_ns = percentiles(acquires);
    const Percentiles release_ns = percentiles(releases);
    return fmt::format(
        "{{\"layout\": \"{}\", \"held\": {}, \"acquire_ns\": {}, \"acquire_p99_ns\": {}, "
        "\"release_ns\": {}, \"release_p99_ns\": {}, \"bytes_a_lock\": {}, \"look_ms\": {:.1f}}}\n",
        layout_, held_, acquire_ns.p50, acquire_ns.p99, release_ns.p50, release_ns.p99,
        bytes / held_, look());
  }

 private:
  Id acquire(const std::string& path) {
    const Id id = ++last_id_;
    table_.submit({id, Kind::explicit_lock, {{path, false, false}}});
    leases_.grant(id, 1 + id % sessions, ttl_ms, now_);
    return id;
  }

  // All sessions have given a sign meanwhile, so nothing is due when the leases first asked to be
  // looked at.
  double look() {
    const Time sign = now_ + Time{ttl_ms / 2};
    for (std::uint64_t session = 1; session <= sessions; ++session) leases_.alive(session, sign);
    const auto begin = Clock::now();
    leases_.take_due(now_ + Time{ttl_ms});
    return static_cast<double>(ns_since(begin)) / 1e6;
  }

  const std::string layout_;
  const std::uint64_t held_;
  Time now_{1'000'000};
  LockTable table_;
  Leases leases_{ttl_ms};
  Id last_id_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const char* layout : {"wide", "flat", "deep"})
    for (const std::uint64_t held : {std::uint64_t{1'000}, std::uint64_t{std::stoull(argv[1])}}) {
      const std::size_t before = mallinfo2().uordblks;
      Room room(layout, held);
      fmt::print("{}", room.measure(mallinfo2().uordblks - before));
      std::fflush(stdout);
    }
  return 0;
}
