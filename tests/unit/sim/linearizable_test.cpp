// The linearizability checker on histories whose answer is known. Read on:
// tests/support/linearizable.hpp.
#include "tests/support/linearizable.hpp"

#include <random>

#include "tests/support/catch.hpp"

namespace sluice::testing {
namespace {

struct Register {
  struct Operation {
    bool write = false;
    int value = 0;
  };
  using State = int;
  static std::optional<State> apply(const State& state, const Operation& operation) {
    if (operation.write) return operation.value;
    return operation.value == state ? std::optional(state) : std::nullopt;
  }
  static std::string key(const State& state) { return std::to_string(state); }
};
using Calls = std::vector<Call<Register::Operation>>;

Call<Register::Operation> write(std::int64_t from, std::int64_t to, int value) {
  return {from, to, {true, value}};
}
Call<Register::Operation> read(std::int64_t from, std::int64_t to, int value) {
  return {from, to, {false, value}};
}
Linearizable verdict(const Calls& calls) {
  return linearize<Register>(calls).verdict;
}

TEST_CASE("what happens one after the other must fit") {
  CHECK(verdict({}) == Linearizable::yes);
  CHECK(verdict({write(0, 1, 7), read(2, 3, 7)}) == Linearizable::yes);
  CHECK(verdict({write(0, 1, 7), read(2, 3, 0)}) == Linearizable::no);
  CHECK(verdict({write(0, 1, 1), write(2, 3, 2), read(4, 5, 1)}) == Linearizable::no);
}

TEST_CASE("a read during a write may see before or after") {
  CHECK(verdict({write(0, 10, 7), read(2, 3, 7)}) == Linearizable::yes);
  CHECK(verdict({write(0, 10, 7), read(2, 3, 0)}) == Linearizable::yes);
  CHECK(verdict({write(0, 10, 7), read(2, 3, 0), read(4, 5, 7)}) == Linearizable::yes);
}

TEST_CASE("once one has seen the new value, no later one sees the old") {
  CHECK(verdict({write(0, 10, 7), read(2, 3, 7), read(4, 5, 0)}) == Linearizable::no);
}

TEST_CASE("two readers cannot see two writes in different orders") {
  // The known example of what is sequentially consistent and not linearizable comes with it.
  const Calls calls{write(0, 10, 1), write(0, 10, 2), read(11, 12, 1), read(13, 14, 2)};
  CHECK(verdict(calls) == Linearizable::no);
  CHECK(verdict({write(0, 20, 1), write(0, 20, 2), read(5, 6, 1), read(7, 8, 2), read(9, 10, 1)}) ==
        Linearizable::no);
  CHECK(verdict({write(0, 20, 1), write(0, 20, 2), read(5, 6, 1), read(7, 8, 2)}) ==
        Linearizable::yes);
}

TEST_CASE("what was never answered may have happened, later, or never") {
  CHECK(verdict({write(0, open, 7), read(1, 2, 0), read(3, 4, 7)}) == Linearizable::yes);
  CHECK(verdict({write(0, open, 7), read(1, 2, 0), read(3, 4, 0)}) == Linearizable::yes);
  CHECK(verdict({write(0, open, 7), read(1, 2, 7), read(3, 4, 0)}) == Linearizable::no);
  CHECK(verdict({read(0, 1, 7), write(2, open, 7)}) == Linearizable::no);
}

TEST_CASE("the answer comes with an order that explains it, or with where it ends") {
  const auto good = linearize<Register>({read(0, 10, 7), write(0, 10, 7)});
  CHECK(good.order == std::vector<std::size_t>{1, 0});
  const auto bad = linearize<Register>({write(0, 1, 7), read(2, 3, 0)});
  CHECK(bad.order == std::vector<std::size_t>{0});
  CHECK(bad.stuck == std::vector<std::size_t>{1});
}

TEST_CASE("too many configurations leave it undecided") {
  Calls calls;
  for (int i = 1; i <= 20; ++i) calls.push_back(write(0, 100, i));
  calls.push_back(read(101, 102, 99));
  CHECK(linearize<Register>(calls, 0, 1000).verdict == Linearizable::undecided);
}

// Tries every order.
bool is_linearizable_plainly(const Calls& calls, std::vector<bool>& done, int state) {
  std::int64_t until = open;
  bool all = true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (done[i]) continue;
    all = all && calls[i].returned == open;
    until = std::min(until, calls[i].returned);
  }
  if (all) return true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (done[i] || calls[i].invoked > until) continue;
    const auto next = Register::apply(state, calls[i].operation);
    if (!next) continue;
    done[i] = true;
    if (is_linearizable_plainly(calls, done, *next)) return true;
    done[i] = false;
  }
  return false;
}

TEST_CASE("random histories are judged as by trying everything") {
  std::mt19937 random(4);
  const auto below = [&](int bound) {
    return static_cast<int>(random() % static_cast<unsigned>(bound));
  };
  int yes = 0;
  for (int round = 0; round < 3000; ++round) {
    Calls calls;
    for (int i = 0; i < 7; ++i) {
      const int from = below(20);
      calls.push_back({from, below(8) == 0 ? open : from + below(8), {below(2) == 0, below(3)}});
    }
    std::vector<bool> done(calls.size());
    const bool expected = is_linearizable_plainly(calls, done, 0);
    REQUIRE((verdict(calls) == Linearizable::yes) == expected);
    yes += expected ? 1 : 0;
  }
  CHECK(yes > 300);
  CHECK(yes < 2700);
}

}  // namespace
}  // namespace sluice::testing
