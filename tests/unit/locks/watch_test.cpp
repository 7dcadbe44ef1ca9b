// Watches of the lock actor, message by message. Read on: watch_log_test.cpp for the log alone.
#include <fmt/format.h>

#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {
namespace {

using protocol::EventKind;
using protocol::Watch;
using protocol::WatchEvent;
using protocol::WatchReply;
using Lines = std::vector<std::string>;

// What an event says, without the fields that it does not have.
std::string shown(const WatchEvent& event) {
  std::string line =
      fmt::format("{} {} {}", event.version, static_cast<int>(event.kind), event.path);
  if (!event.to_path.empty()) line += " -> " + event.to_path;
  if (event.number != 0) line += fmt::format(" lock {} of {}", event.number, event.holder);
  if (event.tree) line += " tree";
  if (event.shared) line += " shared";
  return event.detail.empty() ? line : line + " " + event.detail;
}

class WatchRoom : public LockRoom {
 public:
  using LockRoom::LockRoom;
  void watch(std::uint64_t session, std::uint64_t request_id, const std::string& path,
             std::optional<std::uint64_t> after, std::uint32_t wait_ms = 60'000) {
    ask(session, request_id, Watch{path, true, after, wait_ms});
  }
  WatchReply told() { return probe.expect<WatchReply>(broker).body; }
  Lines lines(const WatchReply& reply) {
    Lines lines;
    if (reply.gap) lines.emplace_back("gap");
    for (const auto& event : reply.events) lines.push_back(shown(event));
    return lines;
  }
  Lines events() { return lines(told()); }
  /// All that is known after a number.
  Lines history(std::uint64_t after = 100) {
    watch(looker, 77, "", after, 0);
    return events();
  }
  std::uint64_t here() {
    watch(looker, 78, "", std::nullopt);
    const auto reply = told();
    CHECK(reply.events.empty());
    CHECK(!reply.gap);
    return reply.next;
  }
  void release(std::uint64_t session, std::uint64_t request_id, const std::string& token) {
    ask(session, request_id, protocol::ReleaseLock{token});
    probe.expect<protocol::ReleaseLockReply>(broker);
  }
};

}  // namespace

TEST_CASE("a watch is answered when a commit is done, not before", "[watch]") {
  WatchRoom room;
  room.join(room.worker, 1);
  CHECK(room.here() == 100);
  room.watch(ann, 1, "d", 100);
  room.commit(bob, 1, LockRoom::put("d/a"));
  const Message publish = room.published_to();
  room.probe.expect_silence();
  room.done(publish);
  room.replied(room.worker);
  const auto got = room.probe.expect<WatchReply>(room.broker);
  CHECK(got.message.stamp.session == ann);
  CHECK(got.message.stamp.job == 1001);
  CHECK(got.message.header.request_id == 1);
  CHECK(room.lines(got.body) == Lines{"101 1 d/a"});
  CHECK(got.body.next == 101);
  room.watch(ann, 2, "d", 101, 0);
  CHECK(room.events().empty());
  CHECK(room.here() == 101);
}

TEST_CASE("commits and locks are told in the order of their numbers", "[watch]") {
  WatchRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann");
  room.watch(bob, 1, "", 100);
  room.commit(ann, 1, LockRoom::put("a"));
  room.commit(ann, 2, LockRoom::put("b"));
  const Message first = room.published_to(), second = room.published_to();
  const std::string token = room.lock(ann, 3, "c");
  room.release(ann, 4, token);
  room.done(second);
  room.replied(room.worker);
  room.probe.expect_silence();
  CHECK(room.history().empty());
  room.done(first);
  room.replied(room.worker);
  CHECK(room.events() == Lines{"101 1 a", "102 1 b", "103 16 c lock 103 of ann",
                               "104 17 c lock 103 of ann released"});
}

TEST_CASE("what fails, changes nothing or is repeated is no event", "[watch]") {
  WatchRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  protocol::Published outcome;
  outcome.code = static_cast<std::uint16_t>(Code::condition_failed);
  room.probe.answer(room.published_to(), outcome);
  room.commit_refused(Code::condition_failed);
  room.commit(ann, 2, LockRoom::put("a"));
  room.probe.tell(runtime::make_error(room.published_to(), {Code::log_failed, {}, {}}));
  room.commit_refused(Code::log_failed);
  room.commit(ann, 3, LockRoom::put("a"));
  outcome = {};
  outcome.version = 50;
  outcome.remembered = true;
  room.probe.answer(room.published_to(), outcome);
  room.replied(room.worker);
  room.commit(ann, 4, LockRoom::rename("a", "a"));
  room.done(room.published_to());
  room.replied(room.worker);
  auto make = LockRoom::put("d");
  make.kind = protocol::ChangeKind::make_directory;
  room.commit(ann, 5, make);
  room.done(room.published_to());
  room.replied(room.worker);
  CHECK(room.history().empty());
  CHECK(room.here() == 105);
}

TEST_CASE("the events of each kind of change", "[watch]") {
  WatchRoom room;
  room.join(room.worker, 1);
  auto make = LockRoom::put("d/e");
  make.kind = protocol::ChangeKind::make_directory;
  make.missing_parents = {"d"};
  room.commit(ann, 1, make);
  protocol::Published outcome;
  outcome.version = 101;
  outcome.made = {"d", "d/e"};
  room.probe.answer(room.published_to(), outcome);
  room.replied(room.worker);
  std::uint64_t request = 1;
  auto set = LockRoom::put("");
  set.kind = protocol::ChangeKind::set_attributes;
  for (const auto& commit :
       {LockRoom::put("d/a"), LockRoom::rename("d/a", "d/e/b"), LockRoom::remove("d", true), set}) {
    room.commit(ann, ++request, commit);
    room.done(room.published_to());
    room.replied(room.worker);
  }
  CHECK(room.history() ==
        Lines{"101 4 d", "101 4 d/e", "102 1 d/a", "103 3 d/a -> d/e/b", "104 2 d", "105 5 "});
}

TEST_CASE("locks are told with their paths, and how they end", "[watch]") {
  WatchRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob", 1'000'000);
  room.ask(ann, 1, protocol::AcquireLock{{{"a", true, false}, {"b", false, true}}, 0, 0});
  room.granted();
  room.lock(bob, 1, "c");
  room.ask(bob, 2, protocol::BreakLock{102});
  room.probe.expect<protocol::BreakLockReply>(room.broker);
  room.watch(bob, 3, "a/beneath", 103);
  SECTION("expired, when even the session is forgotten") {
    room.end(ann, false);
    room.probe.advance(Time{11'000});
    CHECK(room.events() == Lines{"104 17 a lock 101 of ann tree expired"});
    CHECK(room.history().back() == "104 17 b lock 101 of ann shared expired");
  }
  SECTION("with the session") {
    room.end(ann, true);
    CHECK(room.events() == Lines{"104 17 a lock 101 of ann tree released"});
  }
  CHECK(room.history()[2] == "102 16 c lock 102 of bob");
  CHECK(room.history()[3] == "103 17 c lock 102 of bob broken");
}

TEST_CASE("a lock that becomes exclusive or shared is an event, once it has", "[watch]") {
  WatchRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann");
  room.share(ann, 1, "a");
  const std::string anns = room.granted();
  room.share(bob, 1, "a");
  const std::string bobs = room.granted();
  room.upgrade(ann, 2, anns, 60'000);
  CHECK(room.history(102).empty());
  room.release(bob, 2, bobs);
  room.converted(ann);
  CHECK(room.history(103) == Lines{"104 18 a lock 101 of ann"});
  room.commit(ann, 3, LockRoom::put("a", 0, anns));
  const Message publish = room.published_to();
  room.downgrade(ann, 4, anns);
  CHECK(room.history(104).empty());
  room.done(publish);
  room.replied(room.worker);
  CHECK(room.history(104) == Lines{"105 1 a", "106 18 a lock 101 of ann shared"});
  room.downgrade(ann, 5, anns);
  room.upgrade(ann, 6, anns);
  room.converted(ann);
  CHECK(room.history(106) == Lines{"107 18 a lock 101 of ann"});
}

TEST_CASE("a watch ends by time, cancel and death", "[watch]") {
  WatchRoom room;
  room.alive(ann, "ann");
  room.watch(ann, 1, "a", 100, 5'000);
  SECTION("time") {
    room.lock(bob, 1, "b");
    room.probe.advance(Time{5'000});
    const auto reply = room.told();
    CHECK(reply.events.empty());
    CHECK(!reply.gap);
    CHECK(reply.next == 101);
  }
  SECTION("cancel") {
    room.ask(ann, 2, protocol::Cancel{1});
    room.refused(Code::cancelled);
    room.probe.expect<protocol::CancelReply>(room.broker);
  }
  SECTION("death") {
    room.end(ann, false);
    room.refused(Code::cancelled);
  }
  SECTION("silence") {
    room.watch(ann, 2, "a", 100, 50'000);
    room.probe.advance(Time{5'000});
    room.told();
    room.probe.advance(Time{5'000});
    room.refused(Code::cancelled);
  }
  room.lock(bob, 2, "a");
  room.probe.advance(Time{60'000});
  room.probe.expect_silence();
}

TEST_CASE("a repeated watch takes the place of the one before", "[watch]") {
  WatchRoom room;
  room.watch(ann, 1, "a", 100);
  room.watch(ann, 1, "a", 100);
  room.lock(bob, 1, "a");
  CHECK(room.told().next == 101);
  room.probe.expect_silence();
  room.ask(ann, 2, protocol::Cancel{1});
  room.probe.expect<protocol::CancelReply>(room.broker);
}

TEST_CASE("watches that make no sense, or are too many", "[watch]") {
  WatchRoom room;
  room.watch(ann, 1, "../a", 100);
  room.refused(Code::bad_path);
  room.watch(ann, 2, "", 5);
  CHECK(room.events() == Lines{"gap"});
  room.watch(ann, 3, "", 5'000'000);
  const auto lost = room.told();
  CHECK(lost.gap);
  CHECK(lost.next == 100);
  for (std::uint64_t i = 0; i < protocol::limits::watchers; ++i)
    room.watch(1'000 + i, 1, fmt::format("d{}/a", i), 100);
  room.probe.expect_silence();
  room.watch(ann, 4, "a", 100);
  room.refused(Code::overloaded);
  // An answer at once is still to be had, and one that goes makes room.
  CHECK(room.here() == 100);
  room.ask(1'000, 2, protocol::Cancel{1});
  room.refused(Code::cancelled);
  room.probe.expect<protocol::CancelReply>(room.broker);
  room.watch(ann, 5, "a", 100);
  room.probe.expect_silence();
  room.lock(bob, 1, "d77");
  room.probe.expect_silence();
  room.ask(bob, 2, protocol::AcquireLock{{{"d78", true, false}}, 0, 0});
  room.granted();
  const auto got = room.probe.expect<WatchReply>(room.broker);
  CHECK(got.message.stamp.session == 1'078);
  room.probe.expect_silence();
}

TEST_CASE("a grant that waits for the disk is an event when it is there", "[watch]") {
  WatchRoom room(10'000'000, locks::LockDurability::full);
  room.join(room.worker, 1);
  room.alive(ann, "ann");
  room.watch(bob, 1, "", 100);
  room.hold_syncs = true;
  room.acquire(ann, 1, "a");
  room.commit(ann, 2, LockRoom::put("b"));
  room.done(room.published_to());
  room.replied(room.worker);
  room.probe.expect_silence();
  SECTION("it gets there") {
    room.synced();
    room.granted();
    CHECK(room.events() == Lines{"101 16 a lock 101 of ann", "102 1 b"});
  }
  SECTION("it does not") {
    room.synced(false);
    room.refused(Code::log_failed);
    CHECK(room.events() == Lines{"102 1 b"});
  }
  SECTION("it ends before") {
    room.end(ann, true);
    CHECK(room.events() == Lines{"102 1 b"});
    room.synced();
    room.refused(Code::cancelled);
  }
  room.probe.expect_silence();
}

TEST_CASE("a restart is a gap, and locks that outlived it are told when they end", "[watch]") {
  WatchRoom room;
  room.alive(ann, "ann");
  room.lock(ann, 1, "a");
  LockRoom next = LockRoom::after(room, false);
  next.ask(bob, 1, Watch{"", true, 101, 60'000});
  const auto gap = next.probe.expect<WatchReply>(next.broker).body;
  CHECK(gap.gap);
  CHECK(gap.events.empty());
  CHECK(gap.next == 1'000'000);
  next.alive(bob, "bob", 1'000'000);
  next.ask(bob, 2, Watch{"", true, gap.next, 60'000});
  next.probe.advance(Time{30'000});
  const auto reply = next.probe.expect<WatchReply>(next.broker).body;
  REQUIRE(reply.events.size() == 1);
  CHECK(shown(reply.events[0]) == "1000001 17 a lock 101 of ann expired");
}

TEST_CASE("an event that finds no number left is a gap", "[watch]") {
  WatchRoom room(101);
  const std::string token = room.lock(ann, 1, "a");
  room.probe.expect<protocol::ReserveNumbers>(room.publisher);
  room.release(ann, 2, token);
  CHECK(room.history() == Lines{"101 16 a lock 101 of session 000000000000000a"});
  room.watch(bob, 1, "b", 101);
  room.probe.tell(room.publisher, protocol::ReserveNumbersReply{10'000'000});
  const auto reply = room.told();
  CHECK(reply.gap);
  CHECK(reply.next == 102);
}

}  // namespace sluice::tests
