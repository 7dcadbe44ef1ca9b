// The lock actor and what ends locks: release, renewal, leases, the end of a session, cancel. And
// lists.
#include "tests/unit/locks/lock_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::ReleaseLock;
using protocol::ReleaseLockReply;
using protocol::RenewLock;
using protocol::RenewLockReply;

TEST_CASE("only the right token releases, whoever brings it", "[locks]") {
  LockRoom room;
  const std::string token = room.lock(ann, 1, "a");
  std::uint64_t request = 10;
  for (const char* wrong : {"", "x", "101", "101-0000000000000009", "999-0000000000000001"}) {
    room.ask(ann, ++request, ReleaseLock{wrong});
    room.refused(Code::fenced);
    room.ask(ann, ++request, RenewLock{wrong});
    room.refused(Code::fenced);
  }
  room.ask(bob, 1, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  room.ask(bob, 2, ReleaseLock{token});
  room.refused(Code::fenced);
  CHECK(room.list().empty());
}

TEST_CASE("a lock lives as long as its session gives signs", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 2'000);
  room.lock(ann, 1, "a");
  for (int i = 0; i < 5; ++i) {
    room.probe.advance(Time{1'900});
    room.alive(ann, "ann", 2'000);
  }
  CHECK(room.list().size() == 1);
  room.alive(bob, "bob");
  room.acquire(bob, 1, "a", 60'000);
  room.probe.advance(Time{1'999});
  room.probe.expect_silence();
  room.probe.advance(Time{1});
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.stamp.session == bob);
}

TEST_CASE("a lock with its own time outlives its silent session, and can be renewed", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 2'000);
  const std::string token = room.lock(ann, 1, "a", 30'000);
  room.probe.advance(Time{20'000});
  CHECK(room.list().size() == 1);
  room.end(ann, false);
  CHECK(room.list().size() == 1);
  room.ask(bob, 1, RenewLock{token});
  CHECK(room.probe.expect<RenewLockReply>(room.broker).body.ttl_ms == 30'000);
  room.probe.advance(Time{29'999});
  CHECK(room.list().size() == 1);
  CHECK(room.list()[0].holder == "ann");
  room.probe.advance(Time{1});
  CHECK(room.list().empty());
  room.ask(bob, 2, RenewLock{token});
  room.refused(Code::lease_expired);
  // Not `fenced`: whoever repeats a release takes that for a sign that the first one was done.
  room.ask(bob, 3, ReleaseLock{token});
  room.refused(Code::lease_expired);
}

TEST_CASE("the last thousand expired locks are remembered", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  const std::string first = room.lock(ann, 1, "a", 1);
  std::string last;
  for (std::uint64_t request = 2; request <= 1001; ++request) {
    room.probe.advance(Time{1});
    last = room.lock(ann, request, "a", 1);
  }
  room.probe.advance(Time{1});
  room.ask(ann, 2000, RenewLock{first});
  room.refused(Code::fenced);
  room.ask(ann, 2001, RenewLock{last});
  room.refused(Code::lease_expired);
}

TEST_CASE("bye releases all locks and stops all waiting at once", "[locks]") {
  LockRoom room;
  room.lock(ann, 1, "a");
  room.lock(ann, 2, "b");
  room.lock(bob, 1, "c");
  room.acquire(ann, 3, "c", 60'000);
  // For another thread of work: it would be a deadlock for the one that holds "c".
  room.ask(bob, 2, protocol::AcquireLock{{{"b"}}, 60'000, 0, {}, 1});
  room.end(ann, true);
  CHECK(room.probe.expect_error(room.broker, Code::cancelled).message.header.request_id == 3);
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.header.request_id == 2);
  room.probe.expect_silence();
  CHECK(room.list().size() == 2);
  room.end(0x77, true);
}

TEST_CASE("a session that fell silent loses its waiters at once, its locks in time", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann");
  room.lock(ann, 1, "a");
  room.lock(bob, 1, "b");
  room.acquire(ann, 2, "b", 60'000);
  room.probe.advance(Time{4'000});
  room.end(ann, false);
  room.refused(Code::cancelled);
  room.acquire(bob, 2, "a");
  room.refused(Code::locked);
  room.probe.advance(Time{6'000});
  room.lock(bob, 3, "a");
}

TEST_CASE("a waiter whose session died is never granted", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  room.alive(bob, "bob", 3'000);
  room.alive(cid, "cid");
  const std::string token = room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 60'000);
  room.acquire(cid, 1, "a", 60'000);
  SECTION("its silence is noticed without a word of the broker") {
    room.probe.advance(Time{3'000});
    CHECK(room.probe.expect_error(room.broker, Code::cancelled).message.stamp.session == bob);
    room.ask(ann, 2, ReleaseLock{token});
    room.probe.expect<ReleaseLockReply>(room.broker);
  }
  SECTION("the lock ends in the very moment the session dies") {
    room.probe.advance(Time{2'999});
    Message release = runtime::make_message(room.broker, ReleaseLock{token}, 2, {ann, 1002, 0});
    runtime::Outbox outbox;
    room.actor.on_message(std::move(release), room.probe.now() + Time{1}, outbox);
    room.actor.on_drained(room.probe.now() + Time{1}, outbox);
    const auto sent = outbox.take();
    REQUIRE(sent.size() == 3);
    CHECK(sent[0].stamp.session == bob);
    CHECK(sent[0].header.type == protocol::Type::error);
    CHECK(sent[2].stamp.session == cid);
    CHECK(sent[2].header.type == protocol::Type::acquire_lock_reply);
    return;
  }
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.stamp.session == cid);
  room.probe.expect_silence();
}

TEST_CASE("10,000 dead waiters make way for a living one", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  const std::string token = room.lock(ann, 1, "a");
  for (std::uint64_t session = 1000; session < 1100; ++session)
    for (std::uint64_t request = 1; request <= 100; ++request)
      room.acquire(session, request, "a", 60'000);
  room.acquire(cid, 1, "a", 60'000);
  room.probe.advance(Time{9'999});
  room.alive(cid, "cid");
  runtime::Outbox outbox;
  room.actor.on_message(runtime::make_message(room.broker, ReleaseLock{token}, 2, {ann, 1, 0}),
                        room.probe.now() + Time{1}, outbox);
  room.actor.on_drained(room.probe.now() + Time{1}, outbox);
  const auto sent = outbox.take();
  REQUIRE(sent.size() == 10'002);
  CHECK(sent.back().header.type == protocol::Type::acquire_lock_reply);
  CHECK(sent.back().stamp.session == cid);
}

TEST_CASE("cancel stops a waiting acquire, and is answered in any case", "[locks]") {
  LockRoom room;
  const std::string token = room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 60'000);
  room.acquire(cid, 5, "a", 60'000);
  // Another session's, one that is granted, an unknown one.
  room.ask(cid, 6, protocol::Cancel{1});
  room.probe.expect<protocol::CancelReply>(room.broker);
  room.ask(ann, 7, protocol::Cancel{1});
  room.probe.expect<protocol::CancelReply>(room.broker);
  room.ask(ann, 8, protocol::Cancel{99});
  room.probe.expect<protocol::CancelReply>(room.broker);
  CHECK(room.list().size() == 3);

  room.ask(bob, 2, protocol::Cancel{1});
  CHECK(room.probe.expect_error(room.broker, Code::cancelled).message.header.request_id == 1);
  CHECK(room.probe.expect<protocol::CancelReply>(room.broker).message.header.request_id == 2);
  room.ask(ann, 9, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.stamp.session == cid);
  room.probe.expect_silence();
}

TEST_CASE("lists name holders and waiters, their age and what is left", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann", 3'600'000);
  room.alive(bob, "bob", 3'600'000);
  room.lock(ann, 1, "a/b", 20'000);
  room.probe.advance(Time{1'000});
  room.acquire(bob, 1, "a/b", 9'000);
  room.commit(bob, 2, LockRoom::put("a/b", 8'000));
  room.no_outcome();
  room.probe.expect<protocol::CommitWaiting>(room.worker);
  room.lock(ann, 2, "z");
  room.probe.advance(Time{500});
  const auto locks = room.list("a");
  REQUIRE(locks.size() == 3);
  CHECK(locks[0].number == 101);
  CHECK(locks[0].holder == "ann");
  CHECK(locks[0].claims == std::vector<protocol::LockClaim>{{"a/b"}});
  CHECK(locks[0].age_ms == 1'500);
  // The session's later sign counts: acquiring "z".
  CHECK(locks[0].left_ms == 19'500);
  CHECK(locks[1].number == 0);
  CHECK(locks[1].holder == "bob");
  CHECK(locks[1].age_ms == 500);
  CHECK(locks[1].left_ms == 8'500);
  CHECK(locks[2].number == 0);
  CHECK(locks[2].holder == "bob (a change)");
  CHECK(locks[2].left_ms == 7'500);
  CHECK(locks[0].order < locks[1].order);
  CHECK(locks[1].order < locks[2].order);
  CHECK(room.list().size() == 4);
  CHECK(room.list("z").size() == 1);
  room.ask(ann, 50, protocol::ListLocks{"../x", 0});
  room.refused(Code::bad_path);
}

TEST_CASE("long lists come in pages", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  std::size_t expected_locks = 0, expected_pages = 0;
  SECTION("by number") {
    expected_locks = 1100;
    expected_pages = 3;
    for (std::uint64_t request = 1; request <= 1100; ++request)
      room.lock(ann, request, "d/" + std::to_string(request));
  }
  SECTION("by size") {
    expected_locks = 12;
    expected_pages = 4;
    std::vector<protocol::LockClaim> claims(64);
    for (std::uint64_t request = 1; request <= 12; ++request) {
      for (std::size_t i = 0; i < claims.size(); ++i) {
        claims[i].path = "d/" + std::to_string(request) + "/" + std::to_string(i);
        for (int part = 0; part < 10; ++part) claims[i].path += "/" + std::string(200, 'x');
      }
      room.ask(ann, request, protocol::AcquireLock{claims, 0, 0});
      room.granted();
    }
  }
  for (const std::string path : {"", "d"}) {
    std::size_t pages = 0, locks = 0;
    for (std::uint64_t after = 0; pages == 0 || after != 0; ++pages) {
      room.ask(ann, 5000 + pages, protocol::ListLocks{path, after});
      auto page = room.probe.expect<protocol::ListLocksReply>(room.broker);
      CHECK(page.message.body.size() < protocol::limits::body_bytes);
      CHECK(page.body.locks.size() <= locks::LockActor::list_page);
      locks += page.body.locks.size();
      after = page.body.next_after;
    }
    CHECK(locks == expected_locks);
    CHECK(pages == expected_pages);
  }
}

TEST_CASE("however waiting ends, nothing of it is left", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  for (const std::uint64_t session : {ann, bob, cid}) room.alive(session, "somebody");
  const std::string token = room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 60'000);                // granted
  room.acquire(bob, 2, "a", 1'000);                 // timed out
  room.acquire(bob, 3, "a", 60'000);                // cancelled
  room.acquire(cid, 1, "a", 60'000);                // ended
  room.commit(bob, 4, LockRoom::put("a", 60'000));  // granted
  room.commit(bob, 5, LockRoom::put("a", 1'000));   // timed out
  room.commit(bob, 6, LockRoom::put("a", 60'000));  // cancelled
  for (int i = 0; i < 3; ++i) {
    room.no_outcome();
    room.probe.expect<protocol::CommitWaiting>(room.worker);
  }
  room.probe.advance(Time{1'000});
  room.refused(Code::wait_timeout);
  room.commit_refused(Code::wait_timeout);
  for (const std::uint64_t request : {3, 6}) {
    room.ask(bob, 10 + request, protocol::Cancel{request});
    if (request == 3) room.refused(Code::cancelled);
    if (request == 6) room.commit_refused(Code::cancelled);
    room.probe.expect<protocol::CancelReply>(room.broker);
  }
  room.end(cid, true);
  room.refused(Code::cancelled);
  room.ask(ann, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  const std::string next = room.granted();
  room.ask(bob, 20, ReleaseLock{next});
  room.probe.expect<ReleaseLockReply>(room.broker);
  room.done(room.published_to());
  room.replied(room.worker);
  CHECK(room.list().empty());
  for (const std::uint64_t session : {ann, bob, LockRoom::looker}) room.end(session, true);
  CHECK(room.actor.next_tick() == runtime::never);

  // The places of those waiters are free again: exactly as many as the limit allows.
  room.alive(ann, "ann", 3'600'000);
  const std::string held = room.lock(ann, 30, "a");
  room.ask(ann, 31, RenewLock{held});
  room.probe.expect<RenewLockReply>(room.broker);
  constexpr std::size_t limit = protocol::limits::waiters_in_all;
  constexpr std::size_t each = protocol::limits::locks_per_session;
  for (std::size_t i = 0; i < limit; ++i) room.acquire(1000 + i / each, i, "a", 60'000);
  room.probe.expect_silence();
  room.acquire(cid, 40, "a", 60'000);
  room.refused(Code::too_many_locks);
  room.commit(cid, 41, LockRoom::put("a", 60'000));
  room.no_outcome();
  room.commit_refused(Code::too_many_locks);
  room.ask(1000, 50, protocol::Cancel{0});
  room.refused(Code::cancelled);
  room.probe.expect<protocol::CancelReply>(room.broker);
  room.acquire(cid, 42, "a", 60'000);
  room.probe.expect_silence();
}
