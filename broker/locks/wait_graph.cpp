// A breadth-first search, so that the circle told is a shortest one: see wait_graph.hpp.
#include "broker/locks/wait_graph.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace sluice::broker::locks {

std::vector<Wait> find_circle(const WaitsFor& graph, Id request, std::size_t budget) {
  const std::vector<Agent> own = graph.agents_of(request);
  auto is_own = [&](Id held) {
    const auto agents = graph.agents_of(held);
    return std::any_of(agents.begin(), agents.end(), [&](const Agent& agent) {
      return std::find(own.begin(), own.end(), agent) != own.end();
    });
  };
  // Each request reached, and the wait that led to it.
  std::unordered_map<Id, Wait> reached{{request, {}}};
  std::deque<Id> open{request};
  auto circle_to = [&](Wait last) {
    std::vector<Wait> circle{last};
    while (circle.back().waiter != request) circle.push_back(reached.at(circle.back().waiter));
    std::reverse(circle.begin(), circle.end());
    return circle;
  };
  while (!open.empty()) {
    const Id waiter = open.front();
    open.pop_front();
    for (const Id in_front : graph.in_front_of(waiter)) {
      if (budget-- == 0) return {};
      const Wait wait{waiter, in_front};
      if (!graph.is_held(in_front)) {
        if (reached.emplace(in_front, wait).second) open.push_back(in_front);
        continue;
      }
      if (is_own(in_front)) return circle_to(wait);
      for (const Agent& agent : graph.agents_of(in_front))
        for (const Id next : graph.waits_of(agent))
          if (reached.emplace(next, wait).second) open.push_back(next);
    }
  }
  return {};
}

}  // namespace sluice::broker::locks
