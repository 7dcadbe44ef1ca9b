// Locks of named owners: they outlive their session and live by their own renewals.
#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {

using protocol::AcquireLock;

TEST_CASE("a named owner's lock outlives its session, and goes by its token or its time",
          "[locks]") {
  LockRoom room;
  room.ask(ann, 1, AcquireLock{{{"a"}}, 0, 60'000, "nightly"});
  const std::string token = room.granted();
  room.end(ann, true);
  CHECK(room.list().at(0).holder == "nightly");
  room.probe.advance(Time{40'000});
  SECTION("released from elsewhere") {
    room.ask(bob, 1, protocol::ReleaseLock{token});
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
    CHECK(room.list().empty());
  }
  SECTION("renewed from elsewhere; signs of the session that took it do nothing") {
    room.ask(bob, 1, protocol::RenewLock{token});
    CHECK(room.probe.expect<protocol::RenewLockReply>(room.broker).body.ttl_ms == 60'000);
    room.alive(ann, "ann");
    room.probe.advance(Time{59'000});
    room.alive(ann, "ann");
    CHECK(room.list().size() == 1);
    room.probe.advance(Time{1'000});
    CHECK(room.list().empty());
    room.ask(bob, 2, protocol::RenewLock{token});
    room.refused(Code::lease_expired);
  }
  CHECK(room.losses().empty());
}

TEST_CASE("while it waits a named owner's request is its session's", "[locks]") {
  LockRoom room;
  const std::string anns = room.lock(ann, 1, "a");
  room.ask(bob, 1, AcquireLock{{{"a"}}, 60'000, 60'000, "nightly"});
  room.end(bob, true);
  room.refused(Code::cancelled);
  CHECK(room.list().size() == 1);
}

TEST_CASE("what a named owner must be", "[locks]") {
  LockRoom room;
  room.ask(ann, 1, AcquireLock{{{"a"}}, 0, 0, "nightly"});
  room.refused(Code::bad_message);
  room.ask(ann, 2, AcquireLock{{{"a"}}, 0, 60'000, std::string(129, 'n')});
  room.refused(Code::too_large);
  room.ask(ann, 3, AcquireLock{{{"a"}}, 0, 60'000, "night\nly"});
  room.refused(Code::bad_message);
  CHECK(room.list().empty());
}

TEST_CASE("the locks of one owner are bounded", "[locks]") {
  LockRoom room;
  const std::size_t most = protocol::limits::locks_per_session;
  for (std::size_t n = 0; n < most; ++n) {
    room.ask(1000 + n % 100, n + 1, AcquireLock{{{"p" + std::to_string(n)}}, 0, 60'000, "greedy"});
    room.granted();
  }
  room.ask(ann, 1, AcquireLock{{{"one more"}}, 0, 60'000, "greedy"});
  room.refused(Code::too_many_locks);
  room.ask(ann, 2, AcquireLock{{{"one more"}}, 0, 60'000, "modest"});
  room.granted();
}

}  // namespace sluice::tests
