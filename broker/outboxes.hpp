// Answers for clients that do not read them just now, bounded in bytes. libzmq's own queue comes
// first; what it has no room for lands here and is tried again on a timer, since a ROUTER does not
// tell which of its peers has room. Order does not matter: answers name their request. Pure data,
// used by the broker alone.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/actor.hpp"

namespace sluice::broker {

class Outboxes {
 public:
  /// False if the peer's box has no room for it: the peer has to be given up.
  bool add(runtime::Message&& message);
  void drop(const std::string& peer) { boxes_.erase(peer); }
  bool empty() const { return boxes_.empty(); }
  /// Messages of one peer that `take_some` gives at once: what finds no room costs time each time.
  static constexpr std::size_t tries = 64;
  /// Some of what waits for each peer, to be tried again; what comes back is to be added again.
  std::vector<runtime::Message> take_some();

 private:
  struct Box {
    std::deque<runtime::Message> messages;
    std::size_t bytes = 0;
  };
  std::map<std::string, Box> boxes_;
};

}  // namespace sluice::broker
