// A breadth-first search, so that the circle told is a shortest one: see wait_graph.hpp.
#include "broker/locks/wait_graph.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace sluice::broker::locks {

namespace {

class Search {
 public:
  Search(WaitsFor& graph, Id request, std::size_t budget)
      : graph_(graph),
        request_(request),
        own_(graph.agents_of(request)),
        budget_(budget),
        waits_left_(budget * waits_a_request),
        reached_{{request, {}}},
        open_{request} {}

  std::vector<Wait> run() {
    while (!open_.empty() && circle_.empty() && !given_up_) {
      const Id waiter = open_.front();
      open_.pop_front();
      graph_.each_in_front_of(waiter, [&](Id in_front) {
        look_at({waiter, in_front});
        return circle_.empty() && !given_up_;
      });
    }
    return circle_;
  }

 private:
  void look_at(Wait wait) {
    if (waits_left_-- == 0) given_up_ = true;
    const bool held = graph_.is_held(wait.in_front);
    if (given_up_ || !(held ? holders_.insert(wait.in_front).second : reach(wait.in_front, wait)))
      return;
    if (!held) return;
    if (budget_-- == 0) return void(given_up_ = true);
    for (const Agent& agent : graph_.agents_of(wait.in_front)) {
      if (std::find(own_.begin(), own_.end(), agent) != own_.end()) return close(wait);
      if (!agents_.insert(agent).second) continue;
      for (const Id next : graph_.waits_of(agent)) reach(next, wait);
    }
  }

  // Whether it is a new one.
  bool reach(Id waiter, Wait by) {
    if (given_up_ || reached_.contains(waiter)) return false;
    if (budget_-- == 0) {
      given_up_ = true;
      return false;
    }
    reached_.emplace(waiter, by);
    open_.push_back(waiter);
    return true;
  }

  void close(Wait last) {
    circle_.push_back(last);
    while (circle_.back().waiter != request_) circle_.push_back(reached_.at(circle_.back().waiter));
    std::reverse(circle_.begin(), circle_.end());
  }

  WaitsFor& graph_;
  const Id request_;
  const std::vector<Agent> own_;
  std::size_t budget_;
  std::size_t waits_left_;
  bool given_up_ = false;
  /// Each waiter reached, and the wait that led to it.
  std::unordered_map<Id, Wait> reached_;
  std::deque<Id> open_;
  std::unordered_set<Id> holders_;
  std::set<Agent> agents_;
  std::vector<Wait> circle_;
};

}  // namespace

std::vector<Wait> find_circle(WaitsFor& graph, Id request, std::size_t budget) {
  return Search(graph, request, budget).run();
}

}  // namespace sluice::broker::locks
