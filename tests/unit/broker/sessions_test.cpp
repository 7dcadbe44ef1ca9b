// Sessions and outboxes as plain data.
#include "broker/sessions.hpp"

#include "broker/outboxes.hpp"
#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"

using namespace sluice;
using broker::Connection;
using broker::Outboxes;
using broker::Session;
using broker::Sessions;
using runtime::Time;

namespace {

runtime::Message message_to(const std::string& peer, std::size_t bytes, std::uint64_t id = 0) {
  runtime::Message message;
  message.peer = {runtime::Port::clients, peer};
  message.header.request_id = id;
  message.payload = protocol::Payload::of(std::string(bytes, 'x'));
  return message;
}

}  // namespace

TEST_CASE("a session is found by each of its connections", "[sessions]") {
  Sessions sessions;
  Session& session = sessions.open(5);
  CHECK(session.number == 5);
  CHECK(&sessions.open(5) == &session);
  sessions.bind(session, Connection::control, "c");
  sessions.bind(session, Connection::bulk, "b");
  REQUIRE(sessions.by_peer("c"));
  CHECK(sessions.by_peer("c")->session == &session);
  CHECK(sessions.by_peer("c")->connection == Connection::control);
  CHECK(sessions.by_peer("b")->connection == Connection::bulk);
  CHECK_FALSE(sessions.by_peer("x"));
  CHECK_FALSE(sessions.by_peer(""));
  CHECK(sessions.size() == 1);
}

TEST_CASE("a new connection takes the place of the old one", "[sessions]") {
  Sessions sessions;
  Session& session = sessions.open(5);
  sessions.bind(session, Connection::control, "old");
  sessions.bind(session, Connection::control, "new");
  CHECK_FALSE(sessions.by_peer("old"));
  CHECK(session.peer(Connection::control) == "new");
  // The same again changes nothing.
  sessions.bind(session, Connection::control, "new");
  CHECK(sessions.by_peer("new")->session == &session);
}

TEST_CASE("a connection that says hello for another session leaves the first", "[sessions]") {
  Sessions sessions;
  Session& first = sessions.open(1);
  Session& second = sessions.open(2);
  sessions.bind(first, Connection::control, "c");
  sessions.bind(second, Connection::bulk, "c");
  CHECK(first.peer(Connection::control).empty());
  CHECK(sessions.by_peer("c")->session == &second);
  sessions.end(1);
  CHECK(sessions.by_peer("c")->session == &second);
}

TEST_CASE("a forgotten connection leaves its session; an ended session takes both", "[sessions]") {
  Sessions sessions;
  Session& session = sessions.open(5);
  sessions.bind(session, Connection::control, "c");
  sessions.bind(session, Connection::bulk, "b");
  sessions.forget_peer("c");
  sessions.forget_peer("c");
  CHECK(session.peer(Connection::control).empty());
  CHECK(sessions.find(5) == &session);
  sessions.end(5);
  sessions.end(5);
  CHECK_FALSE(sessions.by_peer("b"));
  CHECK(sessions.find(5) == nullptr);
  CHECK(sessions.size() == 0);
}

TEST_CASE("sessions expire one by one, after more than their own lease", "[sessions]") {
  Sessions sessions;
  sessions.open(1).lease = Time{100};
  sessions.open(2).lease = Time{200};
  CHECK(sessions.expired(Time{100}).empty());
  CHECK(sessions.expired(Time{101}) == std::vector<std::uint64_t>{1});
  CHECK(sessions.expired(Time{201}) == std::vector<std::uint64_t>{1, 2});
  CHECK(sessions.numbers() == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("an outbox takes one answer of any size and is bounded then", "[outboxes]") {
  Outboxes outboxes;
  CHECK(outboxes.empty());
  CHECK(outboxes.add(message_to("a", protocol::limits::outbox_bytes + 1)));
  CHECK_FALSE(outboxes.add(message_to("a", 0)));
  CHECK(outboxes.add(message_to("b", 0)));
  outboxes.drop("a");
  CHECK(outboxes.take_some().size() == 1);
  CHECK(outboxes.empty());
}

TEST_CASE("an outbox counts what keeping an answer costs, not its bytes alone", "[outboxes]") {
  Outboxes outboxes;
  std::size_t kept = 0;
  while (outboxes.add(message_to("a", 0))) ++kept;
  CHECK(kept * sizeof(runtime::Message) <= protocol::limits::outbox_bytes);
  CHECK(kept > 10'000);
}

TEST_CASE("a retry takes some of each peer's answers, in order", "[outboxes]") {
  Outboxes outboxes;
  for (std::uint64_t id = 0; id < 2 * Outboxes::tries; ++id) outboxes.add(message_to("a", 1, id));
  outboxes.add(message_to("b", 1));
  const auto first = outboxes.take_some();
  REQUIRE(first.size() == Outboxes::tries + 1);
  CHECK(first[0].header.request_id == 0);
  CHECK(first.back().peer.id == "b");
  CHECK_FALSE(outboxes.empty());
  const auto second = outboxes.take_some();
  REQUIRE(second.size() == Outboxes::tries);
  CHECK(second[0].header.request_id == Outboxes::tries);
  CHECK(outboxes.empty());
  // What was taken has made room.
  CHECK(outboxes.add(message_to("a", protocol::limits::outbox_bytes - 1'000)));
  CHECK(outboxes.add(message_to("a", 1)));
}
