// Dispatch by readiness: which worker gets which job. A worker has so many free slots; jobs that
// find none wait here in order. Small jobs go to the worker that was busy last, since waking
// another core costs more than the job; when that one has a few or something heavy, and for heavy
// jobs always, the least busy one gets it. Pure data, used by the broker alone. Read on:
// broker/broker.hpp.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/types.hpp"
#include "runtime/actor.hpp"

namespace sluice::broker {

using runtime::Time;

/// Jobs that take long enough to be worth another core.
bool is_heavy(protocol::Type type);

struct WorkerState {
  std::string peer;
  std::uint64_t number = 0;
  std::string name;
  std::uint32_t slots = 0;
  bool in_process = false;
  Time last_seen{};
  /// Jobs that hold a slot, and jobs that wait for somebody's lock and hold none.
  std::set<std::uint64_t> running;
  std::set<std::uint64_t> parked;
  /// Those of the running ones that take long.
  std::set<std::uint64_t> heavy;
};

class Dispatch {
 public:
  /// Jobs a worker may have before another is woken for small ones.
  static constexpr std::size_t busy_enough = 4;

  WorkerState& join(WorkerState worker);
  WorkerState* find(const std::string& peer);
  /// The worker's state at its end, with the jobs it had; none if it was not known.
  std::optional<WorkerState> remove(const std::string& peer);

  /// Workers, by number, that live though they themselves are silent.
  void heard_of(const std::vector<std::uint64_t>& numbers, Time now);

  /// All workers' time begins anew.
  void all_seen(Time now);

  void enqueue(std::uint64_t job, bool heavy);
  /// A job that a worker lost goes before those that never had one.
  void enqueue_again(std::uint64_t job, bool heavy);
  /// Takes a job out of the queue; false if it was not there.
  bool withdraw(std::uint64_t job);

  struct Given {
    std::uint64_t job = 0;
    WorkerState* worker = nullptr;
  };
  /// The next job and the worker it goes to (its slot is taken); none if the queue or the slots are
  /// empty.
  std::optional<Given> next();

  void park(WorkerState& worker, std::uint64_t job);
  void finish(WorkerState& worker, std::uint64_t job);

  const std::map<std::string, WorkerState>& workers() const { return workers_; }
  std::size_t waiting() const { return queue_.size(); }
  /// The job that waits longest; none if the queue is empty.
  std::optional<std::uint64_t> front() const;

 private:
  struct Waiting {
    std::uint64_t job = 0;
    bool heavy = false;
  };
  WorkerState* choose(bool heavy);

  std::map<std::string, WorkerState> workers_;
  std::deque<Waiting> queue_;
  std::string last_busy_;
};

}  // namespace sluice::broker
