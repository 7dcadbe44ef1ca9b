// One path as its clients see it: a register, a lock, and the fence between the two. The object of
// the linearizability checker; knows nothing of how the server does it. Read on: histories.hpp,
// tests/support/linearizable.hpp.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::sim {

/// What a path holds, as a number: nothing, a directory, or bytes (larger numbers, one for each
/// content).
using Value = std::uint64_t;
inline constexpr Value absent = 0;
inline constexpr Value directory = 1;
/// Something that its writer does not know; the first who reads it says what it is.
inline constexpr Value anything = ~Value{0};

struct PathOperation {
  enum class Kind : std::uint8_t {
    acquire,
    /// A lock is released, or is lost.
    end,
    /// A lock becomes exclusive or shared.
    convert,
    /// A change of this path.
    write,
    /// A change that leaves the value as it is.
    touch,
    /// What a change of another path does to this one, of which it need not hold the lock.
    aside,
    read,
  };
  Kind kind{};
  /// The lock's number; 0 for a change without one.
  std::uint64_t token = 0;
  bool shared = false;
  Value value = absent;
  /// Asked for when the lock had been given back: must not succeed.
  bool too_late = false;
};

struct PathObject {
  using Operation = PathOperation;
  struct State {
    Value value = absent;
    std::uint64_t exclusive = 0;
    /// The last exclusive lock, as long as nobody else has had the path or changed it since:
    /// changes under it may still arrive, later than its end.
    std::uint64_t fence = 0;
    std::vector<std::uint64_t> shared;
  };

  static std::optional<State> apply(const State& before, const PathOperation& operation) {
    State state = before;
    using Kind = PathOperation::Kind;
    switch (operation.kind) {
      case Kind::acquire:
        if (state.exclusive != 0 || (!operation.shared && !state.shared.empty())) return {};
        state.fence = operation.shared ? 0 : operation.token;
        if (!operation.shared)
          state.exclusive = operation.token;
        else
          state.shared.insert(
              std::lower_bound(state.shared.begin(), state.shared.end(), operation.token),
              operation.token);
        return state;
      case Kind::end:
        if (state.exclusive == operation.token) {
          state.exclusive = 0;
          return state;
        }
        return std::erase(state.shared, operation.token) > 0 ? std::optional(state) : std::nullopt;
      case Kind::convert:
        return operation.shared ? downgraded(state, operation.token)
                                : upgraded(state, operation.token);
      case Kind::write:
      case Kind::touch:
        if (operation.token == 0) {
          if (state.exclusive != 0 || !state.shared.empty()) return {};
          state.fence = 0;
        } else if (state.fence != operation.token || operation.too_late) {
          return {};
        }
        if (operation.kind == Kind::write) state.value = operation.value;
        return state;
      case Kind::aside:
        state.value = operation.value;
        return state;
      case Kind::read:
        if (state.value != operation.value && state.value != anything) return {};
        state.value = operation.value;
        return state;
    }
    return {};
  }

  static std::optional<State> downgraded(State state, std::uint64_t token) {
    const auto place = std::lower_bound(state.shared.begin(), state.shared.end(), token);
    if (place != state.shared.end() && *place == token) return state;
    if (state.exclusive != token) return {};
    state.exclusive = 0;
    state.shared.insert(place, token);
    return state;
  }

  static std::optional<State> upgraded(State state, std::uint64_t token) {
    if (state.exclusive == token) return state;
    if (state.shared != std::vector{token}) return {};
    state.shared.clear();
    state.exclusive = state.fence = token;
    return state;
  }

  static std::string key(const State& state) {
    return fmt::format("{:x} {:x} {:x} {:x}", state.value, state.exclusive, state.fence,
                       fmt::join(state.shared, " "));
  }
};

/// "write 12 under 7", for reports.
std::string describe(const PathOperation& operation);

}  // namespace sluice::sim
