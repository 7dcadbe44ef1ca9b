// What is remembered of changes, and for how long.
#include "broker/publisher/outcomes.hpp"

#include "tests/support/catch.hpp"

namespace sluice::broker::publisher {
namespace {

protocol::Published done(std::uint64_t version) {
  protocol::Published outcome;
  outcome.version = version;
  return outcome;
}

protocol::Published failed(const std::string& path) {
  protocol::Published outcome;
  outcome.code = static_cast<std::uint16_t>(protocol::Code::exists);
  outcome.path = path;
  return outcome;
}

TEST_CASE("the first outcome of a request stays") {
  Outcomes outcomes;
  outcomes.remember(1, 5, done(10));
  outcomes.remember(1, 5, done(11));
  CHECK(outcomes.find(1, 5)->version == 10);
  CHECK_FALSE(outcomes.find(1, 6));
  CHECK_FALSE(outcomes.find(2, 5));
  CHECK(outcomes.size() == 1);
}

TEST_CASE("of a session the last outcomes are remembered") {
  Outcomes outcomes(3);
  for (std::uint64_t i = 1; i <= 5; ++i) outcomes.remember(1, i, done(i));
  CHECK_FALSE(outcomes.find(1, 1));
  CHECK_FALSE(outcomes.find(1, 2));
  CHECK(outcomes.find(1, 3));
  CHECK(outcomes.find(1, 5)->version == 5);
  CHECK(outcomes.size() == 3);
}

TEST_CASE("of the sessions those used last are remembered") {
  Outcomes outcomes(3, 2 * (Outcomes::session_bytes + Outcomes::outcome_bytes));
  outcomes.remember(1, 1, done(1));
  outcomes.remember(2, 1, done(2));
  CHECK(outcomes.find(1, 1));
  outcomes.remember(3, 1, done(3));
  CHECK_FALSE(outcomes.find(2, 1));
  CHECK(outcomes.find(1, 1));
  CHECK(outcomes.sessions() == 2);
  outcomes.forget(1, 1);
  outcomes.remember(1, 2, done(5));
  CHECK(outcomes.sessions() == 2);
}

// Nothing came of a failure: a repeat of it may be tried again, one of a success must not.
TEST_CASE("no success is forgotten for failures, however many and long they are") {
  constexpr std::size_t room = Outcomes::session_bytes + 2 * Outcomes::outcome_bytes;
  Outcomes outcomes(3, room, 10'000);
  outcomes.remember(1, 1, done(1));
  outcomes.remember(1, 2, done(2));
  for (std::uint64_t session = 2; session < 10; ++session)
    for (std::uint64_t i = 1; i <= 10; ++i)
      outcomes.remember(session, i, failed(std::string(4'000, 'p')));
  for (std::uint64_t i = 3; i < 10; ++i) outcomes.remember(1, i, failed("its own"));
  CHECK(outcomes.find(1, 1)->version == 1);
  CHECK(outcomes.find(1, 2)->version == 2);
  CHECK(outcomes.sessions() == 1);
}

TEST_CASE("failures are forgotten oldest first, and count by what they say") {
  Outcomes outcomes(3, 1'000, 3 * (Outcomes::failure_bytes + 100));
  for (std::uint64_t i = 1; i <= 4; ++i) outcomes.remember(i, 1, failed(std::string(100, 'p')));
  CHECK_FALSE(outcomes.find(1, 1));
  CHECK(outcomes.find(2, 1)->path.size() == 100);
  outcomes.remember(5, 1, failed(std::string(400, 'p')));
  CHECK_FALSE(outcomes.find(3, 1));
  CHECK(outcomes.find(4, 1));
  CHECK(outcomes.find(5, 1));
  outcomes.forget(5, 1);
  CHECK_FALSE(outcomes.find(5, 1));
  outcomes.remember(6, 1, failed(std::string(100, 'p')));
  CHECK(outcomes.find(4, 1));
  CHECK(outcomes.size() == 2);
}

TEST_CASE("a failure stays the outcome of its request, and so does a success") {
  Outcomes outcomes;
  outcomes.remember(1, 1, failed("p"));
  outcomes.remember(1, 1, done(5));
  CHECK(outcomes.find(1, 1)->path == "p");
  outcomes.remember(1, 2, done(6));
  outcomes.remember(1, 2, failed("p"));
  CHECK(outcomes.find(1, 2)->version == 6);
  CHECK(outcomes.find(1, 2)->code == 0);
}

TEST_CASE("an outcome that is told again says so") {
  Outcomes outcomes;
  outcomes.remember(1, 1, done(1));
  CHECK(outcomes.find(1, 1)->remembered);
}

TEST_CASE("ids that do not grow are found as well") {
  Outcomes outcomes;
  for (const std::uint64_t id : {9, 3, 7}) outcomes.remember(1, id, done(id));
  CHECK(outcomes.find(1, 3)->version == 3);
  CHECK_FALSE(outcomes.find(1, 8));
}

TEST_CASE("successes are carried over in chunks, failures are not") {
  Outcomes outcomes(4);
  for (std::uint64_t i = 1; i <= 6; ++i) outcomes.remember(9, i, done(i * 100));
  outcomes.remember(8, 1, failed("p"));
  CHECK(outcomes.find(8, 1)->path == "p");
  const auto chunks = outcomes.chunks(50);
  CHECK(chunks.size() == 2);
  Outcomes carried(4);
  for (const std::string& chunk : chunks) carried.add_chunk(chunk + "rest");
  CHECK(carried.size() == 4);
  CHECK_FALSE(carried.find(8, 1));
  CHECK_FALSE(carried.find(9, 2));
  CHECK(carried.find(9, 3)->version == 300);
  carried.remember(9, 7, done(700));
  CHECK_FALSE(carried.find(9, 3));
}

}  // namespace
}  // namespace sluice::broker::publisher
