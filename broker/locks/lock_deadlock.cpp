// Who waits for whom, and the circle in words. Read on: wait_graph.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "broker/locks/lock_actor.hpp"

namespace sluice::broker::locks {

class LockActor::Waits final : public WaitsFor {
 public:
  explicit Waits(const LockActor& actor) : actor_(actor) {}
  void each_in_front_of(Id request, const std::function<bool(Id)>& take) override {
    actor_.table_.each_in_front_of(request, seen_, take);
  }
  bool is_held(Id request) const override { return actor_.table_.holds(request); }
  std::vector<Agent> agents_of(Id request) const override { return actor_.agents_of(request); }
  std::vector<Id> waits_of(const Agent& agent) const override {
    const auto found = actor_.agent_waits_.find(agent);
    if (found == actor_.agent_waits_.end()) return {};
    return {found->second.begin(), found->second.end()};
  }

 private:
  const LockActor& actor_;
  LockTable::Seen seen_;
};

// Whose it is once it is granted.
Agent LockActor::agent_of(Id id, const Lock& lock) {
  return lock.owner.empty() ? Agent{lock.key.first, lock.agent} : Agent{0, id};
}

// The first one is whose it is.
std::vector<Agent> LockActor::agents_of(Id id) const {
  if (const auto found = waiting_agents_.find(id); found != waiting_agents_.end())
    return found->second;
  if (const auto found = locks_.find(id); found != locks_.end()) {
    const Lock& lock = found->second;
    if (lock.token.number != 0) return {agent_of(id, lock)};
    std::vector<Agent> agents{{lock.key.first, lock.agent}};
    if (locks_.contains(lock.under)) agents.push_back(agents_of(lock.under).front());
    return agents;
  }
  if (const auto found = conversions_.find(id); found != conversions_.end())
    return {{found->second.key.first, found->second.agent}, agents_of(found->second.lock).front()};
  if (const auto found = commits_.find(id); found != commits_.end())
    return {{found->second.key.first, found->second.agent}};
  return {};
}

void LockActor::begin_waiting(Id id, Time deadline) {
  ++waiters_;
  leases_.wait_until(id, deadline);
  const auto& agents = waiting_agents_[id] = agents_of(id);
  for (const Agent& agent : agents) agent_waits_[agent].insert(id);
}

void LockActor::stop_waiting(Id id) {
  --waiters_;
  leases_.stop_waiting(id);
  const auto agents = waiting_agents_.extract(id);
  for (const Agent& agent : agents.mapped()) {
    const auto found = agent_waits_.find(agent);
    found->second.erase(id);
    if (found->second.empty()) agent_waits_.erase(found);
  }
}

void LockActor::count_held(const Agent& agent, bool more) {
  std::size_t& count = agent_holds_[agent];
  count += more ? 1 : -1;
  if (count == 0) agent_holds_.erase(agent);
}

std::optional<protocol::Error> LockActor::deadlock(Id id) const {
  const auto agents = agents_of(id);
  if (std::none_of(agents.begin(), agents.end(),
                   [&](const Agent& agent) { return agent_holds_.contains(agent); }))
    return std::nullopt;
  Waits waits(*this);
  const auto circle = find_circle(waits, id, protocol::limits::deadlock_waits);
  if (circle.empty()) return std::nullopt;
  std::string words;
  for (const Wait& wait : circle) {
    // A long circle is told by its beginning.
    if (words.size() > 1000) {
      words += "; and so on";
      break;
    }
    if (!words.empty()) words += "; ";
    words +=
        fmt::format("{} waits for \"{}\" {} {}", holder_name(wait.waiter),
                    table_.where_they_meet(wait.waiter, wait.in_front),
                    table_.holds(wait.in_front) ? "held by" : "behind", holder_name(wait.in_front));
  }
  return protocol::Error{protocol::Code::deadlock,
                         table_.where_they_meet(id, circle.front().in_front), words};
}

std::string LockActor::holder_name(Id id) const {
  if (const auto found = locks_.find(id); found != locks_.end()) return name_of(found->second);
  if (const auto found = conversions_.find(id); found != conversions_.end())
    return name_of(locks_.at(found->second.lock));
  const auto commit = commits_.find(id);
  return commit == commits_.end() ? "(the server)" : leases_.name(commit->second.key.first);
}

}  // namespace sluice::broker::locks
