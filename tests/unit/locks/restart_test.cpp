// What of the locks outlives the process: grants that wait for the disk, restarts, power losses.
// Read on: journal_test.cpp for the journal alone.
#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {

using protocol::AcquireLock;
using protocol::AcquireLockReply;
using protocol::Type;
constexpr auto full = locks::LockDurability::full;

TEST_CASE("a grant that must be durable is answered when it is on the disk", "[locks]") {
  LockRoom room(10'000'000, full);
  room.hold_syncs = true;
  room.acquire(ann, 1, "a");
  room.acquire(bob, 1, "b");
  room.probe.expect_silence();
  // One sync at a time: bob's shares the next with what comes until then.
  CHECK(room.syncs() == 1);
  // It is held meanwhile, and a repeat gets the one answer.
  room.acquire(cid, 1, "a");
  room.refused(Code::locked);
  room.acquire(ann, 1, "a");
  room.probe.expect_silence();
  room.synced();
  const auto anns = room.probe.expect<AcquireLockReply>(room.broker);
  CHECK(anns.message.stamp.session == ann);
  room.probe.expect_silence();
  CHECK(room.syncs() == 1);
  room.synced();
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.session == bob);
  // A release waits for nothing.
  room.ask(ann, 2, protocol::ReleaseLock{anns.body.token});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  CHECK(room.syncs() == 0);
}

TEST_CASE("in relaxed only named and long-lived locks wait for the disk", "[locks]") {
  LockRoom room;
  room.hold_syncs = true;
  room.lock(ann, 1, "a");
  CHECK(room.syncs() == 0);
  SECTION("a named owner's") {
    room.ask(ann, 2, AcquireLock{{{"b"}}, 0, 1'000, "nightly"});
  }
  SECTION("one that outlives the lease") {
    room.acquire(ann, 2, "b", 0, 10'001);
  }
  SECTION("one of a session with a longer lease") {
    room.alive(bob, "bob", 60'000);
    room.acquire(bob, 2, "b");
  }
  room.probe.expect_silence();
  REQUIRE(room.syncs() == 1);
  room.synced();
  room.granted();
}

TEST_CASE("a lock that ends before it is on the disk is not granted", "[locks]") {
  LockRoom room(10'000'000, full);
  room.alive(ann, "ann");
  room.hold_syncs = true;
  room.acquire(ann, 1, "a");
  SECTION("its session says bye") {
    room.end(ann, true);
  }
  SECTION("its session dies") {
    room.end(ann, false);
  }
  bool broken = false;
  SECTION("it is broken") {
    room.ask(bob, 1, protocol::BreakLock{101});
    broken = true;
  }
  room.probe.expect_silence();
  room.synced();
  room.refused(Code::cancelled);
  if (broken) {
    room.synced();
    room.probe.expect<protocol::BreakLockReply>(room.broker);
  }
  CHECK(room.list().empty());
}

TEST_CASE("when the journal cannot be written nothing new is granted, and nothing is lost",
          "[locks]") {
  LockRoom room;
  const std::string token = room.lock(ann, 1, "a");
  room.share(bob, 1, "b");
  const std::string bobs = room.granted();
  room.files->limit(0);
  room.acquire(ann, 2, "c");
  room.refused(Code::no_space);
  room.upgrade(bob, 2, bobs);
  room.refused(Code::no_space);
  CHECK(room.list().size() == 2);
  CHECK(room.list("b").at(0).claims.at(0).shared);
  // What is given back is free all the same.
  room.ask(ann, 3, protocol::ReleaseLock{token});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.files->limit(~0ull);
  room.lock(cid, 1, "a");
}

TEST_CASE("what must be on the disk is not said to be done when the journal cannot be written",
          "[locks]") {
  LockRoom room;
  std::vector<std::string> tokens;
  for (const char* path : {"a", "b", "c"}) {
    room.ask(ann, 10 + tokens.size(), AcquireLock{{{path}}, 0, 60'000, "nightly"});
    tokens.push_back(room.granted());
  }
  room.files->limit(0);
  room.ask(ann, 1, protocol::RenewLock{tokens[0]});
  room.refused(Code::no_space);
  room.ask(ann, 2, protocol::ConvertLock{tokens[1], true});
  room.refused(Code::no_space);
  room.ask(ann, 3, protocol::ReleaseLock{tokens[2]});
  room.refused(Code::no_space);
  // It stays in the way until it can be written down, and then is free by itself.
  room.acquire(bob, 1, "c", 60'000);
  room.probe.expect_silence();
  room.files->limit(~0ull);
  room.probe.advance(Time{100});
  room.granted();
  CHECK(LockRoom::after(room, true).list("b").at(0).claims.at(0).shared);
}

TEST_CASE("what was done a moment ago is said to be done when it is on the disk", "[locks]") {
  LockRoom room(10'000'000, full);
  room.ask(ann, 1, AcquireLock{{{"a", false, true}}, 0, 60'000, "nightly"});
  const std::string token = room.granted();
  room.hold_syncs = true;
  const bool works = GENERATE(true, false);
  const auto answered_when_synced = [&](Type type) {
    room.probe.expect_silence();
    room.synced(works);
    if (works && room.syncs() > 0) room.synced();
    for (int both = 0; both < 2; ++both) {
      if (!works)
        room.refused(Code::log_failed);
      else if (type == Type::release_lock_reply)
        room.probe.expect<protocol::ReleaseLockReply>(room.broker);
      else if (type == Type::convert_lock_reply)
        room.probe.expect<protocol::ConvertLockReply>(room.broker);
    }
  };
  SECTION("an upgrade") {
    for (const std::uint64_t request : {2, 3}) room.upgrade(ann, request, token);
    answered_when_synced(Type::convert_lock_reply);
    CHECK(room.list().at(0).claims.at(0).shared != works);
  }
  SECTION("a release") {
    for (const std::uint64_t request : {2, 3}) room.ask(ann, request, protocol::ReleaseLock{token});
    answered_when_synced(Type::release_lock_reply);
  }
}

TEST_CASE("a break is told when the lock is out of the way", "[locks]") {
  LockRoom room;
  room.lock(ann, 1, "a");
  room.hold_syncs = true;
  room.ask(bob, 1, protocol::BreakLock{101});
  room.probe.expect_silence();
  room.synced();
  room.probe.expect<protocol::BreakLockReply>(room.broker);
  room.lock(bob, 2, "a");
}

TEST_CASE("when the journal cannot be synced nothing is granted that must be durable", "[locks]") {
  LockRoom room(10'000'000, full);
  room.hold_syncs = true;
  room.acquire(ann, 1, "a");
  room.acquire(bob, 1, "b");
  room.synced(false);
  room.refused(Code::log_failed);
  room.refused(Code::log_failed);
  room.acquire(cid, 1, "c");
  room.refused(Code::log_failed);
  CHECK(room.list().empty());
}

TEST_CASE("after a restart all holders hold, and are asked to say so", "[locks]") {
  LockRoom before;
  before.alive(ann, "ann");
  before.alive(bob, "bob");
  const std::string anns = before.lock(ann, 1, "a");
  before.ask(bob, 1, AcquireLock{{{"d", true, true}, {"e", false, true}}, 0, 0});
  const std::string bobs = before.granted();
  const std::string back = before.lock(ann, 2, "given back");
  before.ask(ann, 3, protocol::ReleaseLock{back});
  before.probe.expect<protocol::ReleaseLockReply>(before.broker);

  LockRoom room = LockRoom::after(before, false);
  CHECK(room.list().size() == 2);
  CHECK(room.list("a").at(0).holder == "ann");
  room.join(room.worker, 1);
  room.acquire(cid, 1, "d/x");
  CHECK(says(room.refused(Code::locked).detail, "held by bob"));
  room.commit(ann, 4, LockRoom::put("a", 0, anns));
  room.done(room.published_to());
  room.replied(room.worker);

  SECTION("who says so lives by the signs of its session again") {
    room.ask(ann, 5, protocol::RenewLock{anns, true});
    room.probe.expect<protocol::RenewLockReply>(room.broker);
    for (int second = 0; second < 20; ++second) {
      room.alive(ann, "ann");
      room.probe.advance(Time{1'000});
    }
    REQUIRE(room.list().size() == 1);
    CHECK(room.list().at(0).holder == "ann");
    CHECK(room.losses().size() == 1);
    const std::string next = room.lock(cid, 2, "c");
    CHECK(protocol::parse_token(next)->number > 1'000'000);
  }
  SECTION("who repeats its acquire gets the same token") {
    room.acquire(ann, 1, "a");
    CHECK(room.granted() == anns);
  }
  SECTION("who knows nothing of it says so, and it goes at once") {
    room.ask(ann, 5, protocol::RenewLock{"", true});
    room.probe.expect<protocol::RenewLockReply>(room.broker);
    room.lock(cid, 2, "a");
    room.acquire(cid, 3, "e");
    room.refused(Code::locked);
  }
  SECTION("signs of the session alone do not renew it") {
    for (int second = 0; second < 10; ++second) {
      room.alive(ann, "ann");
      room.probe.advance(Time{1'000});
    }
    room.lock(cid, 2, "a");
  }
}

TEST_CASE("a named owner's lock lives over restarts until its time is over", "[locks]") {
  LockRoom before;
  before.ask(ann, 1, AcquireLock{{{"a"}}, 0, 60'000, "nightly"});
  const std::string token = before.granted();
  before.probe.advance(Time{20'000});
  LockRoom room = LockRoom::after(before, true, Time{10'000});
  room.probe.advance(Time{29'000});
  room.acquire(bob, 1, "a");
  CHECK(says(room.refused(Code::locked).detail, "held by nightly"));
  SECTION("renewed") {
    room.ask(bob, 2, protocol::RenewLock{token});
    room.probe.expect<protocol::RenewLockReply>(room.broker);
    LockRoom next = LockRoom::after(room, false);
    next.probe.advance(Time{58'000});
    CHECK(next.list().size() == 1);
  }
  SECTION("not renewed") {
    room.probe.advance(Time{1'000});
    room.lock(bob, 2, "a");
  }
  SECTION("released") {
    room.ask(bob, 2, protocol::ReleaseLock{token});
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
    CHECK(LockRoom::after(room, false).list().empty());
  }
}

TEST_CASE("conversions outlive the server", "[locks]") {
  LockRoom before;
  const std::string down = before.lock(ann, 1, "a");
  before.downgrade(ann, 2, down);
  before.share(bob, 1, "b");
  const std::string up = before.granted();
  before.upgrade(bob, 2, up);
  before.converted(bob);
  LockRoom room = LockRoom::after(before, false);
  room.share(cid, 1, "a");
  room.granted();
  room.share(cid, 2, "b");
  room.refused(Code::locked);
}

TEST_CASE("after a power loss that may have taken grants nothing is granted for one lease",
          "[locks]") {
  LockRoom before;
  const std::string anns = before.lock(ann, 1, "a");
  LockRoom room = LockRoom::after(before, true);
  room.join(room.worker, 1);
  room.acquire(bob, 1, "elsewhere");
  CHECK(says(room.refused(Code::locked).detail, "may have been lost"));
  room.commit(bob, 2, LockRoom::put("elsewhere"));
  room.no_outcome();
  room.commit_refused(Code::locked);
  room.acquire(bob, 3, "elsewhere", 60'000);
  room.ask(ann, 2, protocol::RenewLock{anns});
  room.probe.expect<protocol::RenewLockReply>(room.broker);
  room.commit(ann, 3, LockRoom::put("a", 0, anns));
  room.done(room.published_to());
  room.replied(room.worker);
  room.probe.advance(Time{9'999});
  room.probe.expect_silence();
  room.alive(bob, "bob");
  room.probe.advance(Time{1});
  room.granted();
}

TEST_CASE("what a power loss may have taken is told by the setting of the life before", "[locks]") {
  const auto relaxed = locks::LockDurability::relaxed;
  const bool was_relaxed = GENERATE(true, false);
  LockRoom before(10'000'000, was_relaxed ? relaxed : full);
  before.lock(ann, 1, "a");
  LockRoom room = LockRoom::after(before, true, Time{1'000}, was_relaxed ? full : relaxed);
  room.acquire(bob, 1, "elsewhere");
  if (was_relaxed)
    CHECK(says(room.refused(Code::locked).detail, "may have been lost"));
  else
    room.granted();
}

TEST_CASE("a start that is cut short does not end the wait for lost locks", "[locks]") {
  LockRoom before;
  before.lock(ann, 1, "a");
  LockRoom room = LockRoom::after(before, true, Time{1'000}, full);
  LockRoom next = LockRoom::after(room, false);
  next.acquire(bob, 1, "elsewhere");
  CHECK(says(next.refused(Code::locked).detail, "may have been lost"));
  LockRoom later = LockRoom::after(next, false, Time{20'000});
  later.lock(bob, 1, "elsewhere");
}

TEST_CASE("a new root and one that was left in order need no wait", "[locks]") {
  LockRoom before;
  before.lock(ann, 1, "a");
  REQUIRE(before.actor.stop_journal());
  LockRoom room = LockRoom::after(before, true);
  room.lock(bob, 1, "elsewhere");
  room.acquire(bob, 2, "a");
  room.refused(Code::locked);
}

TEST_CASE("where every grant waits for the disk a power loss takes none", "[locks]") {
  LockRoom before(10'000'000, full);
  before.lock(ann, 1, "a");
  LockRoom room = LockRoom::after(before, true, Time{1'000});
  room.lock(bob, 1, "elsewhere");
  room.acquire(bob, 2, "a");
  room.refused(Code::locked);
}

}  // namespace sluice::tests
