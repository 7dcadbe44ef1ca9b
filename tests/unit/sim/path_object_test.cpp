// What the simulator's object lets pass: the lock, the register and the fence of one path. Read on:
// tests/sim/path_object.hpp.
#include "tests/sim/path_object.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/linearizable.hpp"

namespace sluice::sim {
namespace {

using Kind = PathOperation::Kind;
using testing::Linearizable;
using Calls = std::vector<testing::Call<PathOperation>>;

PathOperation acquire(std::uint64_t token, bool shared = false) {
  return {Kind::acquire, token, shared, absent, false};
}
PathOperation end(std::uint64_t token) {
  return {Kind::end, token, false, absent, false};
}
PathOperation write(Value value, std::uint64_t token = 0) {
  return {Kind::write, token, false, value, false};
}
PathOperation read(Value value) {
  return {Kind::read, 0, false, value, false};
}
// One after the other.
bool possible(const std::vector<PathOperation>& operations) {
  Calls calls;
  for (const PathOperation& operation : operations) {
    const auto now = static_cast<std::int64_t>(10 * calls.size());
    calls.push_back({now, now + 1, operation});
  }
  return testing::linearize<PathObject>(calls).verdict == Linearizable::yes;
}

TEST_CASE("exclusive locks exclude, shared ones only exclusive ones") {
  CHECK(possible({acquire(1), end(1), acquire(2)}));
  CHECK_FALSE(possible({acquire(1), acquire(2)}));
  CHECK(possible({acquire(1, true), acquire(2, true), end(1), end(2), acquire(3)}));
  CHECK_FALSE(possible({acquire(1, true), acquire(2)}));
  CHECK_FALSE(possible({acquire(1), acquire(2, true)}));
  CHECK_FALSE(possible({acquire(1), end(1), end(1)}));
}

TEST_CASE("a change without a lock has to do with every lock") {
  CHECK(possible({write(5), read(5)}));
  CHECK_FALSE(possible({acquire(1), write(5)}));
  CHECK_FALSE(possible({acquire(1, true), write(5)}));
  CHECK(possible({acquire(1), write(5, 1), read(5), end(1), write(6)}));
}

TEST_CASE("no change under an old token") {
  CHECK_FALSE(possible({acquire(1), end(1), acquire(2), write(5, 1)}));
  CHECK_FALSE(possible({acquire(1), end(1), acquire(2), end(2), write(5, 1)}));
  CHECK_FALSE(possible({acquire(1), end(1), write(4), write(5, 1)}));
  CHECK_FALSE(possible({acquire(1), end(1), acquire(2, true), write(5, 1)}));
  CHECK_FALSE(possible({acquire(1, true), write(5, 1)}));
  CHECK_FALSE(possible({write(5, 1)}));
}

TEST_CASE("a change may follow the end of its lock while nobody else had the path") {
  CHECK(possible({acquire(1), end(1), write(5, 1), read(5)}));
  PathOperation late = write(5, 1);
  late.too_late = true;
  CHECK_FALSE(possible({acquire(1), end(1), late}));
}

TEST_CASE("a lock that was lost ends some time later, or never") {
  const testing::Call<PathOperation> lost{5, testing::open, end(1)};
  CHECK(testing::linearize<PathObject>({{0, 1, acquire(1)}, lost, {6, 7, acquire(2)}}).verdict ==
        Linearizable::yes);
  CHECK(testing::linearize<PathObject>({{0, 1, acquire(1)}, lost, {3, 4, acquire(2)}}).verdict ==
        Linearizable::no);
  CHECK(testing::linearize<PathObject>({{0, 1, acquire(1)}, lost, {3, 5, acquire(2)}}).verdict ==
        Linearizable::yes);
}

TEST_CASE("a lock becomes exclusive when no other is there, and shared at any time") {
  const auto convert = [](std::uint64_t token, bool shared) {
    return PathOperation{Kind::convert, token, shared, absent, false};
  };
  CHECK(possible({acquire(1, true), convert(1, false), write(5, 1), convert(1, true)}));
  CHECK_FALSE(possible({acquire(1, true), acquire(2, true), convert(1, false)}));
  CHECK_FALSE(possible({acquire(1), convert(1, true), acquire(2, true), write(5, 1)}));
  CHECK(possible({acquire(1), convert(1, true), acquire(2, true), end(2), convert(1, false)}));
  CHECK_FALSE(possible({acquire(1), end(1), convert(1, true)}));
}

TEST_CASE("who reads what its writer did not know settles it") {
  CHECK(possible({write(anything), read(7), read(7)}));
  CHECK_FALSE(possible({write(anything), read(7), read(8)}));
}

}  // namespace
}  // namespace sluice::sim
