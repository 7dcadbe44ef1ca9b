// The lock actor and commits that come again: one request, one outcome, whoever asks and however
// often.
#include "tests/unit/locks/lock_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::CommitWaiting;
using protocol::ReleaseLock;
using protocol::ReleaseLockReply;

TEST_CASE("at the publisher: the newest asker gets the one answer", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.join(room.other_worker, 2);
  room.commit(ann, 1, LockRoom::put("a"));
  const Message publish = room.published_to();
  room.probe.tell(room.broker, protocol::WorkerGone{1});
  room.commit_from(room.other_worker, ann, 1, 1, LockRoom::put("a"));
  room.probe.expect_silence();
  room.done(publish);
  const auto reply = room.probe.expect<protocol::CommitReply>(room.other_worker);
  CHECK(reply.message.header.attempt == 1);
  CHECK(reply.body.version == publish.stamp.number);
  room.probe.expect_silence();
}

TEST_CASE("waiting: the newer staged file takes the older one's place, in its place", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.join(room.other_worker, 2);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a", 60'000));
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  room.acquire(cid, 1, "a", 60'000);
  auto newer = LockRoom::put("a", 60'000);
  newer.staged = "staged by another";
  room.commit_from(room.other_worker, bob, 1, 1, newer);
  room.probe.expect<CommitWaiting>(room.other_worker);
  room.probe.expect_silence();
  room.ask(ann, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  const Message publish = room.published_to();
  CHECK(publish.header.attempt == 1);
  CHECK(publish.body == protocol::encode(newer));
  room.done(publish);
  room.replied(room.other_worker);
  room.granted();
  room.probe.expect_silence();
}

TEST_CASE("waiting: a repeat that touches other paths queues anew", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "d/a");
  auto commit = LockRoom::put("d/a/b", 60'000);
  commit.kind = protocol::ChangeKind::make_directory;
  commit.missing_parents = {"d", "d/a"};
  room.commit(bob, 1, commit);
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  commit.missing_parents = {"d/a"};
  room.commit(bob, 1, commit);
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  CHECK(room.list().size() == 2);
  room.ask(ann, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  CHECK(room.published_to().body == protocol::encode(commit));
  room.probe.expect_silence();
}

TEST_CASE("asking: the newest is decided on", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.join(room.other_worker, 2);
  room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a"));
  const Message question = room.question();
  room.commit_from(room.other_worker, bob, 1, 1, LockRoom::put("a"));
  room.probe.expect_silence();
  room.probe.answer(question, protocol::Published{});
  const auto reply = room.replied(room.other_worker);
  CHECK(reply.code == static_cast<std::uint16_t>(Code::locked));
  room.probe.expect_silence();
}

TEST_CASE("a change that was made before is answered with its outcome, not refused", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.lock(ann, 1, "a");
  protocol::Published outcome;
  outcome.version = 55;
  protocol::Commit commit;
  SECTION("locked by another meanwhile") {
    commit = LockRoom::put("a");
  }
  SECTION("ready to wait") {
    commit = LockRoom::put("a", 60'000);
  }
  SECTION("under a lock that is long released") {
    commit = LockRoom::put("a", 0, "3-0123456789abcdef");
  }
  SECTION("a failure is an outcome too") {
    commit = LockRoom::put("a");
    outcome.version = 0;
    outcome.code = static_cast<std::uint16_t>(Code::not_found);
  }
  room.commit(bob, 1, commit);
  room.probe.answer(room.question(), outcome);
  const auto reply = room.replied(room.worker);
  CHECK(reply.version == outcome.version);
  CHECK(reply.code == outcome.code);
  CHECK(room.list().size() == 1);
  room.probe.expect_silence();
}

TEST_CASE("asking: the way may have become free meanwhile", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a"));
  const Message question = room.question();
  room.ask(ann, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  room.probe.answer(question, protocol::Published{});
  const Message publish = room.published_to();
  room.done(publish);
  CHECK(room.replied(room.worker).version == publish.stamp.number);
}

TEST_CASE("asking: cancelled, it still gets the outcome if there was one", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a", 60'000));
  const Message question = room.question();
  bool known = false;
  SECTION("by the client, and it was made") {
    room.ask(bob, 2, protocol::Cancel{1});
    room.probe.expect<protocol::CancelReply>(room.broker);
    known = true;
  }
  SECTION("by the client, and it was not") {
    room.ask(bob, 2, protocol::Cancel{1});
    room.probe.expect<protocol::CancelReply>(room.broker);
  }
  SECTION("by the end of the session") {
    room.end(bob, true);
  }
  protocol::Published outcome;
  outcome.version = known ? 77 : 0;
  room.probe.answer(question, outcome);
  if (known)
    CHECK(room.replied(room.worker).version == 77);
  else
    room.commit_refused(Code::cancelled);
  CHECK(room.list().size() == 1);
  room.probe.expect_silence();
}

TEST_CASE("asking: who asks is dead when the answer comes", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.alive(bob, "bob", 1'000);
  room.lock(ann, 1, "a");
  room.lock(bob, 1, "b", 60'000);
  room.commit(bob, 2, LockRoom::put("a", 60'000));
  const Message question = room.question();
  room.end(bob, false);
  room.commit(bob, 3, LockRoom::put("a", 60'000));
  const Message later = room.question();
  room.probe.answer(question, protocol::Published{});
  room.commit_refused(Code::cancelled);
  room.probe.answer(later, protocol::Published{});
  room.commit_refused(Code::cancelled);
}

TEST_CASE("a commit that changes nothing asks for the outcome alone", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.lock(ann, 1, "a");
  auto nothing = LockRoom::put("a");
  nothing.kind = protocol::ChangeKind::none;
  room.commit(bob, 1, nothing);
  protocol::Published outcome;
  SECTION("one is remembered") {
    outcome.version = 44;
  }
  SECTION("none is remembered") {}
  room.probe.answer(room.question(), outcome);
  const auto reply = room.replied(room.worker);
  CHECK(reply.version == outcome.version);
  CHECK(reply.code == 0);
  room.probe.expect_silence();
}

TEST_CASE("what waits for a worker that is gone is dropped, and queues anew", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.join(room.other_worker, 2);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a", 60'000));
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  room.commit(bob, 2, LockRoom::put("a", 60'000));
  const Message question = room.question();
  SECTION("the broker gave it up") {
    room.probe.tell(room.broker, protocol::WorkerGone{1});
  }
  SECTION("it comes with a new number") {
    room.join(room.worker, 3);
  }
  CHECK(room.list().size() == 1);
  room.probe.answer(question, protocol::Published{});
  room.probe.expect_silence();

  room.commit_from(room.other_worker, bob, 1, 1, LockRoom::put("a", 60'000));
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.other_worker);
  room.ask(ann, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  CHECK(room.published_to().header.attempt == 1);
  room.probe.expect_silence();
}

TEST_CASE("a waiting lock behind a dropped commit gets its turn", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::rename("a", "b"));
  room.no_outcome();
  room.commit_refused(Code::locked);
  auto commit = LockRoom::rename("a", "b");
  commit.terms.wait_ms = 60'000;
  room.commit(bob, 2, commit);
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  room.acquire(cid, 1, "b", 60'000);
  room.probe.expect_silence();
  room.probe.tell(room.broker, protocol::WorkerGone{1});
  room.granted();
}

TEST_CASE("a worker that joins again under its number keeps what it had", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  const Message publish = room.published_to();
  // Its connection was lost: a new routing id, the same worker.
  const Peer again{Port::workers, "worker one, connected anew"};
  room.commit_from(again, ann, 1, 0, LockRoom::put("a"));
  room.probe.expect_error(again, Code::hello_required);
  room.probe.tell(again, protocol::JoinLocks{1, 7});
  room.probe.expect<protocol::JoinLocksReply>(again);
  room.commit_from(again, ann, 1, 0, LockRoom::put("a"));
  room.done(publish);
  CHECK(room.replied(again).version == publish.stamp.number);
  room.probe.expect_silence();
}
