// The lock actor and commits: implicit locks, tokens, waiting, workers that may and may not.
#include "tests/unit/locks/lock_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::CommitWaiting;
using protocol::ReleaseLock;
using protocol::ReleaseLockReply;

TEST_CASE("a commit goes to the publisher as it came, and its outcome back", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const auto body = LockRoom::put("a");
  room.commit_from(room.worker, ann, 7, 3, body);
  Message publish = room.published_to();
  CHECK(publish.header.type == protocol::Type::publish);
  CHECK(publish.header.request_id == 7);
  CHECK(publish.header.attempt == 3);
  CHECK(publish.stamp.session == ann);
  CHECK(publish.stamp.number == 101);
  CHECK(publish.body == protocol::encode(body));
  CHECK(publish.payload.text() == "bytes of a");
  protocol::Published outcome;
  outcome.version = 101;
  outcome.trash = true;
  room.probe.answer(publish, outcome);
  const auto reply = room.probe.expect<protocol::CommitReply>(room.worker);
  CHECK(reply.message.header.request_id == 7);
  CHECK(reply.message.header.attempt == 3);
  CHECK(reply.message.stamp.job == 5007);
  CHECK(reply.body.version == 101);
  CHECK(reply.body.trash);
  // An answer that comes again finds nobody.
  room.probe.answer(publish, outcome);
  room.probe.expect_silence();
}

TEST_CASE("commits to one path do not wait for each other", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  room.commit(bob, 1, LockRoom::remove("a", true));
  const Message first = room.published_to(), second = room.published_to();
  CHECK(first.stamp.number < second.stamp.number);
  room.done(second);
  CHECK(room.replied(room.worker).version == second.stamp.number);
  room.done(first);
  CHECK(room.replied(room.worker).version == first.stamp.number);
}

TEST_CASE("failed outcomes and errors of the publisher reach the worker as outcomes", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  protocol::Published outcome;
  outcome.code = static_cast<std::uint16_t>(Code::condition_failed);
  outcome.path = "a";
  room.probe.answer(room.published_to(), outcome);
  CHECK(room.commit_refused(Code::condition_failed).path == "a");
  room.commit(ann, 2, LockRoom::put("a"));
  room.probe.tell(
      runtime::make_error(room.published_to(), {Code::log_failed, {}, "no more changes"}));
  CHECK(room.commit_refused(Code::log_failed).detail == "no more changes");
  room.lock(ann, 3, "a");
}

TEST_CASE("only workers that have joined with number and epoch commit", "[locks]") {
  LockRoom room;
  room.commit(ann, 1, LockRoom::put("a"));
  room.probe.expect_error(room.worker, Code::hello_required);
  room.probe.tell(room.broker, protocol::WorkerKnown{1});
  room.probe.tell(room.worker, protocol::JoinLocks{1, 6});
  room.probe.expect_error(room.worker, Code::hello_required);
  room.probe.tell(room.worker, protocol::JoinLocks{2, 7});
  room.probe.expect_error(room.worker, Code::hello_required);
  room.commit(ann, 1, LockRoom::put("a"));
  room.probe.expect_error(room.worker, Code::hello_required);
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  const Message publish = room.published_to();
  room.probe.tell(room.broker, protocol::WorkerGone{1});
  room.commit(ann, 2, LockRoom::put("b"));
  room.probe.expect_error(room.worker, Code::hello_required);
  room.probe.tell(room.worker, protocol::JoinLocks{1, 7});
  room.probe.expect_error(room.worker, Code::hello_required);
  // What was at the publisher is done, but the worker is not told.
  room.done(publish);
  room.probe.expect_silence();
  room.lock(ann, 3, "a");
}

TEST_CASE("commits that make no sense are refused", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("../a"));
  room.commit_refused(Code::bad_path);
  room.commit(ann, 2, LockRoom::put(""));
  room.commit_refused(Code::bad_path);
  auto strange = LockRoom::put("a");
  strange.kind = static_cast<protocol::ChangeKind>(99);
  room.commit(ann, 3, strange);
  room.commit_refused(Code::bad_message);
  auto deep = LockRoom::put("a");
  deep.kind = protocol::ChangeKind::make_directory;
  deep.missing_parents.assign(200, "x");
  room.commit(ann, 4, deep);
  room.commit_refused(Code::bad_message);
  Message broken = runtime::make_message(room.worker, LockRoom::put("a"), 5, {ann, 5, 0});
  broken.body = "nonsense";
  room.probe.tell(std::move(broken));
  room.commit_refused(Code::bad_message);
  room.probe.expect_silence();
}

TEST_CASE("what a change touches", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann@host:4242");
  room.lock(ann, 1, "d/x");
  auto commit = LockRoom::put("d/x");
  const char* conflict = "d/x";
  SECTION("put: the path") {}
  SECTION("set_attributes: the path") {
    commit.kind = protocol::ChangeKind::set_attributes;
  }
  SECTION("make_directory: the missing parents too") {
    commit.kind = protocol::ChangeKind::make_directory;
    commit.path = "d/x/y";
    commit.missing_parents = {"d/x"};
  }
  SECTION("remove: all beneath") {
    commit = LockRoom::remove("d", false);
    conflict = "d";
  }
  SECTION("rename: all beneath where it comes from") {
    commit = LockRoom::rename("d", "e");
    conflict = "d";
  }
  SECTION("rename: all beneath where it goes") {
    commit = LockRoom::rename("e", "d");
    conflict = "d";
  }
  room.commit(bob, 1, commit);
  room.no_outcome();
  const auto refusal = room.commit_refused(Code::locked);
  CHECK(refusal.path == conflict);
  CHECK(says(refusal.detail, "held by ann@host:4242 for 0 s, 10 s left on its lease"));
}

TEST_CASE("the root's attributes may be set, and paths beside a lock are free", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.lock(ann, 1, "d/x");
  auto commit = LockRoom::put("");
  commit.kind = protocol::ChangeKind::set_attributes;
  room.commit(bob, 1, commit);
  room.done(room.published_to());
  room.replied(room.worker);
  room.commit(bob, 2, LockRoom::put("d"));
  room.published_to();
}

TEST_CASE("a commit waits for a lock, and goes when it is released", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(bob, 1, LockRoom::put("a", 60'000));
  room.no_outcome();
  const auto waiting = room.probe.expect<CommitWaiting>(room.worker);
  CHECK(waiting.message.stamp.job == 5001);
  SECTION("granted") {
    room.ask(ann, 2, ReleaseLock{token});
    room.probe.expect<ReleaseLockReply>(room.broker);
    const Message publish = room.published_to();
    CHECK(publish.payload.text() == "bytes of a");
    CHECK(publish.body == protocol::encode(LockRoom::put("a", 60'000)));
    room.done(publish);
    CHECK(room.replied(room.worker).version == publish.stamp.number);
  }
  SECTION("timed out") {
    room.alive(ann, "ann", 3'600'000);
    room.probe.tell(room.broker, protocol::RenewLock{token}, 2, {ann, 2, 0});
    room.probe.expect<protocol::RenewLockReply>(room.broker);
    room.acquire(ann, 3, "b", 0, 3'600'000);
    room.granted();
    room.commit(bob, 2, LockRoom::put("b", 700));
    room.no_outcome();
    room.probe.expect<CommitWaiting>(room.worker);
    room.probe.advance(Time{699});
    room.probe.expect_silence();
    room.probe.advance(Time{1});
    CHECK(says(room.commit_refused(Code::wait_timeout).detail, "held by ann for 0 s"));
  }
  SECTION("cancelled") {
    room.ask(bob, 2, protocol::Cancel{1});
    room.commit_refused(Code::cancelled);
    room.probe.expect<protocol::CancelReply>(room.broker);
    CHECK(room.list().size() == 1);
  }
  SECTION("its session ended") {
    room.alive(bob, "bob");
    room.end(bob, false);
    room.commit_refused(Code::cancelled);
  }
  SECTION("its session is silent when its turn comes") {
    room.alive(bob, "bob", 1'000);
    room.probe.advance(Time{900});
    runtime::Outbox outbox;
    room.actor.on_message(runtime::make_message(room.broker, ReleaseLock{token}, 2, {ann, 2, 0}),
                          room.probe.now() + Time{100}, outbox);
    const auto sent = outbox.take();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].header.type == protocol::Type::commit_reply);
    CHECK(protocol::decode<protocol::CommitReply>(sent[0].body)->code ==
          static_cast<std::uint16_t>(Code::cancelled));
    return;
  }
  SECTION("its session is not known here, and waits longer than a lease") {
    room.alive(ann, "ann", 3'600'000);
    room.probe.advance(Time{30'000});
    room.ask(ann, 2, ReleaseLock{token});
    room.refused(Code::lease_expired);
    room.published_to();
  }
  room.probe.expect_silence();
}

TEST_CASE("commits queue behind a lock that only commits keep waiting", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  const Message publish = room.published_to();
  room.acquire(bob, 1, "a", 60'000);
  room.commit(ann, 2, LockRoom::put("a"));
  room.no_outcome();
  room.commit_refused(Code::locked);
  room.commit(ann, 3, LockRoom::put("a", 60'000));
  room.no_outcome();
  room.probe.expect<CommitWaiting>(room.worker);
  room.done(publish);
  room.replied(room.worker);
  const std::string token = room.granted();
  room.probe.expect_silence();
  room.ask(bob, 2, ReleaseLock{token});
  room.probe.expect<ReleaseLockReply>(room.broker);
  room.published_to();
}

TEST_CASE("a commit with a token must be covered by an exclusive lock", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const std::string path = room.lock(ann, 1, "p");
  room.ask(ann, 2, protocol::AcquireLock{{{"t", true}, {"s", false, true}}, 0, 0});
  const std::string set = room.granted();
  std::uint64_t request = 100;
  auto allowed = [&](const protocol::Commit& commit) {
    // Whoever knows the token may use it.
    room.commit(bob, ++request, commit);
    room.done(room.published_to());
    CHECK(room.replied(room.worker).code == 0);
  };
  auto not_covered = [&](const protocol::Commit& commit, const std::string& uncovered) {
    room.commit(ann, ++request, commit);
    room.no_outcome();
    CHECK(room.commit_refused(Code::not_covered).path == uncovered);
  };
  allowed(LockRoom::put("p", 0, path));
  allowed(LockRoom::put("t/x", 0, set));
  allowed(LockRoom::remove("t/x", true, set));
  allowed(LockRoom::remove("t", true, set));
  allowed(LockRoom::remove("p", false, path));
  allowed(LockRoom::rename("t/x", "t/y", set));
  not_covered(LockRoom::put("q", 0, path), "q");
  not_covered(LockRoom::put("p/x", 0, path), "p/x");
  not_covered(LockRoom::put("s", 0, set), "s");
  not_covered(LockRoom::remove("p", true, path), "p");
  not_covered(LockRoom::rename("p", "p", path), "p");
  allowed(LockRoom::rename("p", "p", path, false));
  not_covered(LockRoom::rename("t/x", "u", set), "u");
  auto directories = LockRoom::put("t/a/b", 0, path);
  directories.kind = protocol::ChangeKind::make_directory;
  directories.missing_parents = {"t/a"};
  not_covered(directories, "t/a/b");
  room.probe.expect_silence();
}

TEST_CASE("a lost token is never a silent fall back to an implicit lock", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann", 1'000);
  const std::string expired = room.lock(ann, 1, "a");
  room.probe.advance(Time{1'000});
  const std::string released = room.lock(bob, 1, "a");
  room.ask(bob, 2, ReleaseLock{released});
  room.probe.expect<ReleaseLockReply>(room.broker);
  std::uint64_t request = 10;
  for (const auto& [token, code] :
       std::vector<std::pair<std::string, Code>>{{expired, Code::lease_expired},
                                                 {released, Code::fenced},
                                                 {"77-0000000000000001", Code::fenced},
                                                 {"no token", Code::fenced}}) {
    room.commit(ann, ++request, LockRoom::put("a", 60'000, token));
    room.no_outcome();
    CHECK(room.commit_refused(code).path == "a");
  }
  const std::string held = room.lock(bob, 3, "a");
  std::string guessed = held;
  guessed.back() = guessed.back() == '0' ? '1' : '0';
  room.commit(ann, 20, LockRoom::put("a", 0, guessed));
  room.no_outcome();
  room.commit_refused(Code::fenced);
  room.probe.expect_silence();
}

TEST_CASE("a lock that ends while changes under it are under way stays until they are done",
          "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.alive(ann, "ann", 1'000);
  room.alive(bob, "bob", 3'600'000);
  const std::string token = room.lock(ann, 1, "a");
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  room.commit(ann, 3, LockRoom::put("a", 0, token));
  const Message first = room.published_to(), second = room.published_to();
  room.acquire(bob, 1, "a", 60'000);
  bool expired = false;
  SECTION("released") {
    room.ask(ann, 4, ReleaseLock{token});
    room.probe.expect<ReleaseLockReply>(room.broker);
    // Given back is given back.
    room.ask(ann, 5, ReleaseLock{token});
    room.refused(Code::fenced);
    room.acquire(ann, 1, "a");
    room.refused(Code::fenced);
  }
  SECTION("expired") {
    room.probe.advance(Time{1'000});
    expired = true;
  }
  SECTION("its session said bye") {
    room.end(ann, true);
  }
  room.probe.expect_silence();
  CHECK(says(room.list()[0].holder, "(ending)"));
  room.commit(ann, 6, LockRoom::put("a", 0, token));
  room.no_outcome();
  room.commit_refused(expired ? Code::lease_expired : Code::fenced);
  room.acquire(cid, 1, "a");
  CHECK(says(room.refused(Code::locked).detail, "until a change made under the lock"));
  room.done(first);
  room.replied(room.worker);
  room.probe.expect_silence();
  room.done(second);
  room.replied(room.worker);
  CHECK(room.probe.expect<protocol::AcquireLockReply>(room.broker).message.stamp.session == bob);
  room.probe.expect_silence();
}

TEST_CASE("a change over which the log has failed stays in others' way", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  const bool under_lock = GENERATE(true, false);
  const std::string token = under_lock ? room.lock(ann, 1, "a") : "";
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  const Message publish = room.published_to();
  protocol::Published failed;
  failed.code = static_cast<std::uint16_t>(Code::log_failed);
  const bool in_log = GENERATE(true, false);
  if (in_log) failed.version = publish.stamp.number;
  room.probe.answer(publish, failed);
  CHECK(room.replied(room.worker).version == failed.version);
  if (under_lock) {
    room.ask(ann, 3, ReleaseLock{token});
    room.probe.expect<ReleaseLockReply>(room.broker);
  }
  room.acquire(bob, 1, "a");
  if (!in_log) {
    room.granted();
    return;
  }
  // It waits a little for commits under way.
  room.probe.advance(broker::locks::LockActor::commit_grace);
  room.refused(Code::locked);
  // A repeat hears the same; a worker's end does not make it undone.
  room.commit(ann, 2, LockRoom::put("a", 0, token));
  CHECK(room.replied(room.worker).version == failed.version);
  room.probe.tell(room.broker, protocol::WorkerGone{1});
  room.acquire(bob, 2, "a");
  room.probe.advance(broker::locks::LockActor::commit_grace);
  room.refused(Code::locked);
}

TEST_CASE("an answer that a worker has no room for is sent again", "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  room.done(room.published_to());
  auto reply = room.probe.expect<protocol::CommitReply>(room.worker).message;
  room.probe.undelivered(std::move(reply), runtime::Undelivered::full);
  room.probe.expect_silence();
  room.probe.advance(Time{10});
  reply = room.probe.expect<protocol::CommitReply>(room.worker).message;
  room.probe.undelivered(std::move(reply), runtime::Undelivered::gone);
  CHECK(room.actor.next_tick() == runtime::never);
}
