// The times to live of some locks: which is the shortest, however many there are. Plain state. Read
// on: client/held_locks.hpp, client/session_locks.hpp.
#pragma once

#include <cstddef>
#include <map>

#include "runtime/actor.hpp"

namespace sluice::client {

class TtlCounts {
 public:
  void add(runtime::Time ttl) { ++counts_[ttl]; }
  /// One that was added.
  void remove(runtime::Time ttl) {
    if (const auto found = counts_.find(ttl); --found->second == 0) counts_.erase(found);
  }
  void clear() { counts_.clear(); }
  /// `runtime::never` if there is none.
  runtime::Time shortest() const {
    return counts_.empty() ? runtime::never : counts_.begin()->first;
  }

 private:
  std::map<runtime::Time, std::size_t> counts_;
};

}  // namespace sluice::client
