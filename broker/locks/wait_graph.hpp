// Finds the circle that a request would close by waiting. Who is in front of whom is the table's;
// which requests hang together, because one agent made them, is the lock actor's: both are asked
// through `WaitsFor`. Pure, without state of its own. Read on: lock_table.hpp, lock_deadlock.cpp.
//
// One that waits, waits for all in front of it. Of a holder in front it waits until its agents
// release it, and an agent that waits itself is taken to release nothing meanwhile; of a waiter in
// front, until that one is granted. A circle is closed by a holder whose agent is one of the new
// request's. As nothing that comes later can close a circle of requests that wait already, it is
// looked for once, when a request begins to wait.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "broker/locks/path_index.hpp"

namespace sluice::broker::locks {

/// A thread of work: a session and the number the client gave, or (0, id) for a named owner's lock.
using Agent = std::pair<std::uint64_t, std::uint64_t>;

class WaitsFor {
 public:
  virtual ~WaitsFor() = default;
  /// Calls `take` with what a waiting request has to wait for, as long as that gives true. What it
  /// was called with before may be left out.
  virtual void each_in_front_of(Id request, const std::function<bool(Id)>& take) = 0;
  virtual bool is_held(Id request) const = 0;
  /// Whose it is: one, or two if its agent waits on behalf of another.
  virtual std::vector<Agent> agents_of(Id request) const = 0;
  /// The requests by which an agent waits.
  virtual std::vector<Id> waits_of(const Agent& agent) const = 0;
};

/// `waiter` waits for `in_front`.
struct Wait {
  Id waiter = 0;
  Id in_front = 0;
};

/// The circle that `request`, which has begun to wait, closes: the first wait is the request's own,
/// the last is for what its own agent holds. Empty if it closes none, or none among the first
/// `budget` requests that are reached. A wait for one that was reached already costs one look into
/// a hash table, and there are `waits_a_request` times `budget` of them at most.
std::vector<Wait> find_circle(WaitsFor& graph, Id request, std::size_t budget);
inline constexpr std::size_t waits_a_request = 20;

}  // namespace sluice::broker::locks
