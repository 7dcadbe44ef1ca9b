// Whether a history of operations on one object is linearizable: can each have happened at one
// moment between its call and its return, so that all results are right one after the other? Pure;
// any thread. The search is Wing and Gong's (Testing and Verifying Concurrent Objects, JPDC 1993)
// with Lowe's memory of configurations (Testing for Linearizability, 2017), as Porcupine and
// Knossos have it. Objects are checked one by one, which is enough (Herlihy and Wing). Read on:
// tests/sim/path_object.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace sluice::testing {

/// Of one that was never answered: it may have happened any time after its call, or never.
inline constexpr std::int64_t open = std::numeric_limits<std::int64_t>::max();

template <class Operation>
struct Call {
  std::int64_t invoked = 0;
  /// Two at the same moment are taken for concurrent.
  std::int64_t returned = open;
  Operation operation{};
};

enum class Linearizable : std::uint8_t { yes, no, undecided };

struct Linearization {
  Linearizable verdict = Linearizable::yes;
  /// Indices of the calls, in an order that explains them; if there is none, the longest beginning
  /// of one that was found.
  std::vector<std::size_t> order;
  /// If there is none: those of which one would have had to come next.
  std::vector<std::size_t> stuck;
};

/// `Object` has `State` and `Operation`, `static std::optional<State> apply(const State&, const
/// Operation&)`, which is nothing where the operation cannot have its result in that state, and
/// `static std::string key(const State&)`, different for different states.
template <class Object>
class LinearizableSearch {
 public:
  using State = typename Object::State;
  using Calls = std::vector<Call<typename Object::Operation>>;

  /// Gives up as undecided after `most` configurations.
  LinearizableSearch(const Calls& calls, std::size_t most) : calls_(calls), most_(most) {
    by_return_.resize(calls.size());
    std::iota(by_return_.begin(), by_return_.end(), std::size_t{0});
    // Those without an answer come last: each may also never happen.
    std::stable_sort(by_return_.begin(), by_return_.end(), [&](std::size_t a, std::size_t b) {
      return calls[a].returned < calls[b].returned;
    });
    closed_ = static_cast<std::size_t>(std::count_if(
        calls.begin(), calls.end(), [](const auto& call) { return call.returned != open; }));
    done_.assign(calls.size(), '0');
  }

  Linearization run(const State& initial) {
    const bool found = go(initial, 0);
    Linearization result;
    if (found) return {Linearizable::yes, order_, {}};
    result.verdict = seen_.size() >= most_ ? Linearizable::undecided : Linearizable::no;
    result.order = longest_;
    done_.assign(calls_.size(), '0');
    for (const std::size_t index : longest_) done_[index] = '1';
    result.stuck = candidates(0);
    return result;
  }

 private:
  // Those that may come next: called before any other that is left has returned.
  std::vector<std::size_t> candidates(std::size_t first) const {
    std::int64_t until = open;
    std::vector<std::size_t> found;
    for (std::size_t i = first; i < by_return_.size(); ++i) {
      const std::size_t index = by_return_[i];
      if (done_[index] != '0') continue;
      until = std::min(until, calls_[index].returned);
      if (calls_[index].invoked <= until) found.push_back(index);
    }
    return found;
  }

  // `first`: all before it in the order of return are done.
  bool go(const State& state, std::size_t first) {
    while (first < by_return_.size() && done_[by_return_[first]] != '0') ++first;
    if (first >= closed_) return true;
    if (seen_.size() >= most_ || !seen_.insert(done_ + Object::key(state)).second) return false;
    if (order_.size() > longest_.size()) longest_ = order_;
    for (const std::size_t index : candidates(first)) {
      const std::optional<State> next = Object::apply(state, calls_[index].operation);
      if (!next) continue;
      done_[index] = '1';
      order_.push_back(index);
      if (go(*next, first)) return true;
      order_.pop_back();
      done_[index] = '0';
    }
    return false;
  }

  const Calls& calls_;
  std::size_t most_;
  std::vector<std::size_t> by_return_;
  std::size_t closed_ = 0;
  /// A character a call, so that it is half of a configuration's key as it is.
  std::string done_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> longest_;
  std::unordered_set<std::string> seen_;
};

template <class Object>
Linearization linearize(const std::vector<Call<typename Object::Operation>>& calls,
                        const typename Object::State& initial = {}, std::size_t most = 200'000) {
  return LinearizableSearch<Object>(calls, most).run(initial);
}

}  // namespace sluice::testing
