// How locks are lost and who is told: leases, the administrator's break, and a server that was
// stopped for a while.
#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {

TEST_CASE("whose lease ran out is told", "[locks]") {
  LockRoom room;
  room.lock(ann, 1, "a", 2'000);
  room.probe.advance(Time{1'999});
  CHECK(room.losses().empty());
  room.probe.advance(Time{1});
  CHECK(room.losses() == std::vector<std::string>{"a lost 101: lease_expired"});
}

TEST_CASE("a broken lock is gone at once; its holder is fenced and told", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 60'000);
  room.ask(cid, 1, protocol::BreakLock{101});
  room.probe.expect<protocol::BreakLockReply>(room.broker);
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.stamp.session == bob);
  CHECK(room.losses() == std::vector<std::string>{"a lost 101: fenced"});
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  room.no_outcome();
  CHECK(room.commit_refused(Code::fenced).detail == "lock 101 was broken");
  room.ask(cid, 2, protocol::BreakLock{101});
  CHECK(room.refused(Code::fenced).detail == "lock 101 is not held");
  room.ask(cid, 3, protocol::BreakLock{999});
  room.refused(Code::fenced);
}

TEST_CASE("a broken lock stays in others' way until changes under it are done", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  const Message change = room.published_to();
  room.ask(cid, 1, protocol::BreakLock{101});
  room.probe.expect<protocol::BreakLockReply>(room.broker);
  room.acquire(bob, 1, "a", 60'000);
  room.probe.expect_silence();
  room.ask(cid, 2, protocol::BreakLock{101});
  room.refused(Code::fenced);
  room.done(change);
  room.replied(room.worker);
  room.granted();
}

TEST_CASE("a server that was stopped lets nobody expire for one lease", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.lock(ann, 1, "a");
  room.alive(bob, "bob", 60'000);
  room.acquire(bob, 1, "a", 60'000);
  // In which the actor was not called, though it had asked to be.
  const Time pause{GENERATE(30'000, 10'000)};
  runtime::Outbox outbox;
  const Time later = room.probe.now() + pause;
  if (GENERATE(true, false)) {
    room.actor.on_tick(later, outbox);
  } else {
    room.actor.on_message(runtime::make_message(room.broker, protocol::ListLocks{}, 1, {cid, 1, 0}),
                          later, outbox);
    (void)outbox.take();
  }
  CHECK(outbox.empty());
  const auto go_on = [&](Time from, Time until) {
    for (Time then = from; then <= until; then += Time{100})
      room.actor.on_tick(later + then, outbox);
  };
  go_on(Time{100}, Time{9'000});
  CHECK(outbox.empty());
  SECTION("who gives a sign meanwhile lives on") {
    room.actor.on_message(
        runtime::make_message(room.broker, protocol::SessionAlive{"ann", 10'000}, 0, {ann, 0, 0}),
        later + Time{9'000}, outbox);
    go_on(Time{9'100}, Time{15'000});
    CHECK(outbox.empty());
  }
  SECTION("who gives none has one lease") {
    go_on(Time{9'100}, Time{10'000});
    const auto sent = outbox.take();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].header.type == protocol::Type::lock_lost);
    // Bob's grant, which waits for the disk because his session outlives the lease.
    CHECK(sent[1].header.type == protocol::Type::sync_locks);
  }
}

TEST_CASE("a stop shorter than the shortest lease ends nobody's", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", protocol::limits::lease_min_ms);
  room.lock(ann, 1, "a");
  // The next sign was due when it stopped.
  room.probe.advance(Time{protocol::limits::lease_min_ms / 3});
  runtime::Outbox outbox;
  const Time later = room.probe.now() + Time{protocol::limits::lease_min_ms};
  room.actor.on_tick(later, outbox);
  room.actor.on_message(
      runtime::make_message(room.broker, protocol::SessionAlive{"ann", 0}, 0, {ann, 0, 0}), later,
      outbox);
  room.actor.on_tick(later + Time{100}, outbox);
  CHECK(outbox.empty());
  CHECK(room.list().size() == 1);
}

}  // namespace sluice::tests
