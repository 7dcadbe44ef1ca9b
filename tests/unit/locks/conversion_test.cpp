// Upgrade and downgrade, message by message. Read on: table_random_test.cpp for the table alone.
#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {

using protocol::AcquireLockReply;

TEST_CASE("a downgrade lets waiting readers in, and the token covers changes no more", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.share(bob, 1, "a", 60'000);
  room.share(cid, 1, "a", 60'000);
  room.probe.expect_silence();
  room.downgrade(ann, 2, token);
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.session == bob);
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.session == cid);
  room.commit(ann, 3, LockRoom::put("a", 0, token));
  room.no_outcome();
  room.commit_refused(Code::not_covered);
  // Once more changes nothing.
  room.downgrade(ann, 4, token);
  CHECK(room.list().size() == 3);
}

TEST_CASE("a downgrade waits for the changes made under the lock", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  const Message change = room.published_to();
  room.share(bob, 1, "a", 60'000);
  room.downgrade(ann, 3, token);
  room.probe.expect_silence();
  room.commit(ann, 4, LockRoom::put("a", 0, token));
  room.no_outcome();
  room.commit_refused(Code::not_covered);
  room.upgrade(ann, 5, token, 60'000);
  room.refused(Code::locked);
  room.done(change);
  room.replied(room.worker);
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.session == bob);
}

TEST_CASE("an upgrade waits for the other holders and goes before all waiters", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.share(ann, 1, "a");
  const std::string anns = room.granted();
  room.share(bob, 1, "a");
  const std::string bobs = room.granted();
  room.acquire(cid, 1, "a", 60'000);
  room.upgrade(ann, 2, anns);
  CHECK(says(room.refused(Code::locked).detail, "held by session 000000000000000b"));
  room.upgrade(ann, 3, anns, 60'000);
  room.probe.expect_silence();
  // A reader that comes now queues behind it.
  room.share(cid, 2, "a");
  CHECK(says(room.refused(Code::locked).detail, "waits to have it alone"));
  // Still shared meanwhile.
  room.commit(ann, 4, LockRoom::put("a", 0, anns));
  room.no_outcome();
  room.commit_refused(Code::not_covered);
  room.ask(bob, 2, protocol::ReleaseLock{bobs});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.converted(ann);
  room.commit(ann, 5, LockRoom::put("a", 0, anns));
  room.done(room.published_to());
  CHECK(room.replied(room.worker).code == 0);
  room.probe.expect_silence();
  room.ask(ann, 6, protocol::ReleaseLock{anns});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.session == cid);
}

TEST_CASE("upgrades end by time, cancel, death and the end of the lock; the lock stays",
          "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob", 60'000);
  room.share(ann, 1, "a");
  const std::string anns = room.granted();
  room.share(bob, 1, "a");
  const std::string bobs = room.granted();
  room.upgrade(ann, 2, anns, 5'000);
  room.probe.expect_silence();
  SECTION("time") {
    room.probe.advance(Time{5'000});
    CHECK(says(room.refused(Code::wait_timeout).detail, "held by bob"));
  }
  SECTION("cancel") {
    room.ask(ann, 3, protocol::Cancel{2});
    room.refused(Code::cancelled);
    room.probe.expect<protocol::CancelReply>(room.broker);
  }
  SECTION("a downgrade of it") {
    room.ask(ann, 3, protocol::ConvertLock{anns, true, 0});
    room.refused(Code::cancelled);
    room.probe.expect<protocol::ConvertLockReply>(room.broker);
  }
  SECTION("death of its session") {
    room.end(ann, false);
    room.refused(Code::cancelled);
  }
  SECTION("the end of the lock") {
    room.ask(bob, 2, protocol::ReleaseLock{anns});
    CHECK(room.probe.expect_error(room.broker, Code::fenced).message.stamp.session == ann);
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
    room.upgrade(bob, 3, bobs);
    return room.converted(bob);
  }
  // Nothing is left of it: a reader may come, and it may be asked for again.
  room.share(cid, 1, "a");
  const std::string cids = room.granted();
  for (const auto& token : {bobs, cids}) {
    room.ask(cid, 9, protocol::ReleaseLock{token});
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  }
  room.upgrade(ann, 4, anns);
  room.converted(ann);
}

TEST_CASE("two upgrades that touch would wait for ever: the second is refused", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob");
  room.ask(ann, 1, protocol::AcquireLock{{{"d", true, true}}, 0, 0});
  const std::string anns = room.granted();
  room.share(bob, 1, "d/a");
  const std::string bobs = room.granted();
  room.upgrade(ann, 2, anns, 60'000);
  room.upgrade(bob, 2, bobs);
  room.refused(Code::locked);
  room.upgrade(bob, 3, bobs, 60'000);
  const auto error = room.refused(Code::deadlock);
  CHECK(error.path == "d/a");
  CHECK(says(error.detail, "ann holds it and waits to have it alone"));
  room.upgrade(ann, 4, anns, 60'000);
  CHECK(says(room.refused(Code::locked).detail, "waits already"));
  room.ask(bob, 4, protocol::ReleaseLock{bobs});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.converted(ann);
}

TEST_CASE("a repeated upgrade is answered once, where it came from last", "[locks]") {
  LockRoom room;
  room.share(ann, 1, "a");
  const std::string anns = room.granted();
  room.share(bob, 1, "a");
  const std::string bobs = room.granted();
  room.upgrade(ann, 2, anns, 60'000);
  room.upgrade(ann, 2, anns, 60'000);
  room.ask(bob, 4, protocol::ReleaseLock{bobs});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.converted(ann);
  room.probe.expect_silence();
  room.upgrade(ann, 2, anns, 60'000);
  room.converted(ann);
}

}  // namespace sluice::tests
