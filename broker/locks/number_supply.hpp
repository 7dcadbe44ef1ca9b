// The counter of numbers. None is given out beyond what the log has made safe, so none is ever
// given twice; more are asked for when less than half a block is left. Pure data; used by the lock
// actor's thread alone. Read on: docs/architecture.md, "The log".
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>

#include "protocol/limits.hpp"
#include "runtime/actor.hpp"

namespace sluice::broker::locks {

class NumberSupply {
 public:
  /// `first` is the first number that may be given, `up_to` the last that is reserved already.
  NumberSupply(std::uint64_t first, std::uint64_t up_to) : next_(first), up_to_(up_to) {}

  bool empty() const { return next_ > up_to_; }
  /// The next number; not when empty.
  std::uint64_t draw() {
    assert(!empty());
    return next_++;
  }

  /// Up to where to ask for numbers now, if at all.
  std::optional<std::uint64_t> ask(runtime::Time now) {
    if (next_ask() > now) return std::nullopt;
    asking_ = true;
    return std::max(up_to_, next_) + protocol::limits::number_reserve;
  }
  /// The answer. Without new numbers in it, the next question waits a second.
  void answered(std::uint64_t up_to, runtime::Time now) {
    asking_ = false;
    not_before_ = up_to > up_to_ ? now : now + runtime::Time{1000};
    up_to_ = std::max(up_to_, up_to);
  }
  /// When `ask` has a question; `never` while enough are left or an answer is awaited.
  runtime::Time next_ask() const {
    const std::uint64_t left = empty() ? 0 : up_to_ - next_ + 1;
    const bool low = left < protocol::limits::number_reserve / 2;
    return low && !asking_ ? not_before_ : runtime::never;
  }

 private:
  std::uint64_t next_;
  std::uint64_t up_to_;
  bool asking_ = false;
  runtime::Time not_before_{};
};

}  // namespace sluice::broker::locks
