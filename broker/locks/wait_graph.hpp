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
#include <set>
#include <utility>
#include <vector>

#include "broker/locks/path_index.hpp"

namespace sluice::broker::locks {

/// A thread of work: a session and the number the client gave, or (0, id) for a named owner's lock.
using Agent = std::pair<std::uint64_t, std::uint64_t>;

class WaitsFor {
 public:
  virtual ~WaitsFor() = default;
  /// All that a waiting request has to wait for.
  virtual std::set<Id> in_front_of(Id request) const = 0;
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
/// the last is for what its own agent holds. Empty if it closes none, or none within `budget`
/// waits.
std::vector<Wait> find_circle(const WaitsFor& graph, Id request, std::size_t budget);

}  // namespace sluice::broker::locks
