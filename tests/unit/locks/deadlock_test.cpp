// Circles of waiters: found when the last of them begins to wait, and told in words.
#include "tests/support/catch.hpp"
#include "tests/unit/locks/lock_room.hpp"

namespace sluice::tests {

using protocol::AcquireLock;

TEST_CASE("two that lock in opposite order: the second is refused at once", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob");
  room.lock(ann, 1, "a");
  const std::string bobs = room.lock(bob, 1, "b");
  room.acquire(ann, 2, "b", 60'000);
  room.acquire(bob, 2, "a", 60'000);
  const auto error = room.refused(Code::deadlock);
  CHECK(error.path == "a");
  CHECK(error.detail == "bob waits for \"a\" held by ann; ann waits for \"b\" held by bob");
  // The other one still waits, and gets it.
  room.ask(bob, 3, protocol::ReleaseLock{bobs});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.granted();
}

TEST_CASE("circles of 3 and of 10", "[locks]") {
  for (const std::uint64_t size : {3, 10}) {
    LockRoom room;
    auto path = [&](std::uint64_t n) { return "p" + std::to_string(n % size); };
    for (std::uint64_t n = 0; n < size; ++n) room.lock(100 + n, 1, path(n));
    for (std::uint64_t n = 0; n + 1 < size; ++n) room.acquire(100 + n, 2, path(n + 1), 60'000);
    room.probe.expect_silence();
    room.acquire(100 + size - 1, 2, path(size), 60'000);
    const auto error = room.refused(Code::deadlock);
    CHECK(std::count(error.detail.begin(), error.detail.end(), ';') ==
          static_cast<std::ptrdiff_t>(size - 1));
  }
}

TEST_CASE("a path held by oneself", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.lock(ann, 1, "a");
  room.acquire(ann, 2, "a", 60'000);
  CHECK(room.refused(Code::deadlock).detail == "ann waits for \"a\" held by ann");
  room.acquire(ann, 3, "a");
  room.refused(Code::locked);
}

TEST_CASE("a circle is found over a restart, whichever agent holds the lock", "[locks]") {
  LockRoom before;
  before.alive(ann, "ann");
  before.alive(bob, "bob");
  before.ask(ann, 1, AcquireLock{{{"a"}}, 0, 0, {}, 7});
  before.granted();
  before.ask(bob, 1, AcquireLock{{{"b"}}, 0, 0, {}, 8});
  before.granted();
  LockRoom room = LockRoom::after(before, false);
  room.ask(ann, 2, AcquireLock{{{"b"}}, 60'000, 0, {}, 7});
  room.probe.expect_silence();
  room.ask(bob, 2, AcquireLock{{{"a"}}, 60'000, 0, {}, 8});
  room.refused(Code::deadlock);
}

TEST_CASE("threads of work of one session do not count as one", "[locks]") {
  LockRoom room;
  room.ask(ann, 1, AcquireLock{{{"a"}}, 0, 0, {}, 1});
  room.granted();
  room.lock(bob, 1, "b");
  // Ann's second thread waits for bob; her first can still give "a" back.
  room.ask(ann, 2, AcquireLock{{{"b"}}, 60'000, 0, {}, 2});
  room.acquire(bob, 2, "a", 60'000);
  room.probe.expect_silence();
  // Her first thread waiting for bob as well closes the circle.
  room.ask(ann, 3, AcquireLock{{{"b"}}, 60'000, 0, {}, 1});
  room.refused(Code::deadlock);
}

TEST_CASE("a command under a lock waits for its holder too", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  const std::string outer = room.lock(ann, 1, "a");
  room.lock(bob, 1, "b");
  room.ask(cid, 1, AcquireLock{{{"b"}}, 60'000, 0, {}, 0, outer});
  room.acquire(bob, 2, "a", 60'000);
  room.refused(Code::deadlock);
  // A lock of a named owner counts in the same way, through its token.
  room.ask(ann, 2, AcquireLock{{{"n"}}, 0, 60'000, "nightly"});
  const std::string named = room.granted();
  room.ask(cid, 2, AcquireLock{{{"b"}}, 60'000, 0, {}, 5, named});
  room.acquire(bob, 3, "n", 60'000);
  CHECK(says(room.refused(Code::deadlock).detail, "\"n\" held by nightly"));
}

TEST_CASE("a circle through trees, sets and the order of the queue", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob");
  room.alive(cid, "cid");
  room.lock(ann, 1, "x");
  room.ask(bob, 1, AcquireLock{{{"d", true, false}}, 0, 0});
  room.granted();
  // Cid waits for ann's "x", and so stands in front of whoever wants "d/e".
  room.ask(cid, 1, AcquireLock{{{"x"}, {"y"}}, 60'000, 0});
  room.ask(bob, 2, AcquireLock{{{"y"}}, 60'000, 0});
  room.probe.expect_silence();
  room.ask(ann, 2, AcquireLock{{{"d/e"}, {"z"}}, 60'000, 0});
  CHECK(room.refused(Code::deadlock).detail ==
        "ann waits for \"d/e\" held by bob; bob waits for \"y\" behind cid; "
        "cid waits for \"x\" held by ann");
}

TEST_CASE("upgrades and changes that wait are parts of circles", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.alive(bob, "bob");
  room.join(room.worker, 1);
  SECTION("an upgrade closes it") {
    room.share(ann, 1, "a");
    const std::string anns = room.granted();
    room.share(bob, 1, "a");
    room.granted();
    room.lock(ann, 2, "b");
    room.acquire(bob, 2, "b", 60'000);
    room.upgrade(ann, 3, anns, 60'000);
    CHECK(room.refused(Code::deadlock).detail ==
          "ann waits for \"a\" held by bob; bob waits for \"b\" held by ann");
  }
  SECTION("an upgrade is in it") {
    room.share(ann, 1, "a");
    const std::string anns = room.granted();
    room.share(bob, 1, "a");
    room.granted();
    room.lock(ann, 2, "b");
    room.upgrade(ann, 3, anns, 60'000);
    room.acquire(bob, 2, "b", 60'000);
    room.refused(Code::deadlock);
  }
  SECTION("a change closes it") {
    room.lock(ann, 1, "a");
    room.lock(bob, 1, "b");
    room.acquire(ann, 2, "b", 60'000);
    room.commit(bob, 2, LockRoom::put("a", 60'000));
    room.no_outcome();
    CHECK(says(room.commit_refused(Code::deadlock).detail, "bob waits for \"a\" held by ann"));
  }
  SECTION("a change is in it") {
    room.lock(ann, 1, "a");
    room.lock(bob, 1, "b");
    room.commit(bob, 2, LockRoom::put("a", 60'000));
    room.no_outcome();
    room.probe.expect<protocol::CommitWaiting>(room.worker);
    room.acquire(ann, 2, "b", 60'000);
    room.refused(Code::deadlock);
  }
}

TEST_CASE("waiting in a long queue while holding something else is no circle", "[locks]") {
  LockRoom room;
  room.lock(ann, 1, "a");
  for (std::uint64_t session = 100; session < 300; ++session) {
    room.lock(session, 1, "own" + std::to_string(session));
    room.acquire(session, 2, "a", 60'000);
  }
  room.probe.expect_silence();
  CHECK(room.list("a").size() == 201);
}

}  // namespace sluice::tests
