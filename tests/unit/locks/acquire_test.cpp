// The lock actor and clients that acquire: grants, refusals, waiting, repeats, limits, numbers.
#include "tests/unit/locks/lock_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::AcquireLock;
using protocol::AcquireLockReply;

TEST_CASE("a free lock is granted with a token of number and secret", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann@host:4242", 8000);
  room.acquire(ann, 1, "a");
  auto grant = room.probe.expect<AcquireLockReply>(room.broker);
  CHECK(grant.body.token == "101-0000000000000001");
  CHECK(grant.body.ttl_ms == 8000);
  CHECK(grant.message.header.request_id == 1);
  CHECK(grant.message.stamp.job == 1001);
  room.acquire(ann, 2, "b", 0, 77'000);
  grant = room.probe.expect<AcquireLockReply>(room.broker);
  CHECK(grant.body.token == "102-0000000000000002");
  CHECK(grant.body.ttl_ms == 77'000);
  room.acquire(ann, 3, "c", 0, 4'000'000'000);
  CHECK(room.probe.expect<AcquireLockReply>(room.broker).body.ttl_ms == 86'400'000);
  room.probe.expect_silence();
}

TEST_CASE("bad claims are refused", "[locks]") {
  LockRoom room;
  room.ask(ann, 1, AcquireLock{{}, 0, 0});
  room.refused(Code::bad_message);
  room.ask(ann, 2, AcquireLock{std::vector<protocol::LockClaim>(65, {"a"}), 0, 0});
  room.refused(Code::too_large);
  for (const char* path : {"../a", "/a", ".sluice/x", "a//b"}) {
    room.acquire(ann, 3, path);
    room.refused(Code::bad_path);
  }
  Message broken = runtime::make_message(room.broker, AcquireLock{{{"a"}}, 0, 0}, 4, {ann, 4, 0});
  broken.body = "\x81";
  room.probe.tell(std::move(broken));
  room.refused(Code::bad_message);
  CHECK(room.list().empty());
}

TEST_CASE("claims of a set may overlap; those that others include are left out", "[locks]") {
  LockRoom room;
  room.ask(
      ann, 1,
      AcquireLock{
          {{"a/b"}, {"a", true, true}, {"a", true, false}, {"a"}, {"x"}, {"x"}, {"y", false, true}},
          0,
          0});
  room.granted();
  const auto locks = room.list();
  REQUIRE(locks.size() == 1);
  CHECK(locks[0].claims ==
        std::vector<protocol::LockClaim>{{"a", true}, {"x"}, {"y", false, true}});
}

TEST_CASE("who does not wait is told who holds it, how long, and what is left", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann@host:4242");
  room.acquire(ann, 1, "a", 0, 20'000);
  room.granted();
  room.probe.advance(Time{2'000});
  room.alive(ann, "ann@host:4242");
  room.probe.advance(Time{1'500});
  room.ask(bob, 1, AcquireLock{{{"z"}, {"a", true}}, 0, 0});
  const auto error = room.refused(Code::locked);
  CHECK(error.path == "a");
  CHECK(error.detail == "held by ann@host:4242 for 3 s, 19 s left on its lease");
  // Nothing of the refused set is held.
  room.lock(bob, 2, "z");
}

TEST_CASE("waiters are granted in order, each with its own answer", "[locks]") {
  LockRoom room;
  const std::string token = room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 60'000);
  room.acquire(cid, 1, "a", 60'000);
  room.acquire(ann, 2, "a");
  CHECK(says(room.refused(Code::locked).detail, "held by session"));
  room.probe.expect_silence();
  room.ask(ann, 3, protocol::ReleaseLock{token});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  auto grant = room.probe.expect<AcquireLockReply>(room.broker);
  CHECK(grant.message.stamp.session == bob);
  room.ask(bob, 2, protocol::ReleaseLock{grant.body.token});
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  grant = room.probe.expect<AcquireLockReply>(room.broker);
  CHECK(grant.message.stamp.session == cid);
  room.probe.expect_silence();
}

TEST_CASE("who waits for a waiter is told so", "[locks]") {
  LockRoom room;
  room.ask(ann, 1, AcquireLock{{{"a", false, true}}, 0, 0});
  room.granted();
  room.alive(bob, "bob");
  room.acquire(bob, 1, "a", 60'000);
  room.probe.advance(Time{2'000});
  room.ask(cid, 1, AcquireLock{{{"a", false, true}}, 0, 0});
  CHECK(room.refused(Code::locked).detail == "bob has waited for it for 2 s and comes first");
}

TEST_CASE("waiting ends after wait_ms", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  room.alive(bob, "bob", 3'600'000);
  room.lock(ann, 1, "a");
  room.acquire(bob, 1, "a", 5'000);
  room.probe.advance(Time{4'999});
  room.probe.expect_silence();
  room.probe.advance(Time{1});
  const auto error = room.refused(Code::wait_timeout);
  CHECK(error.path == "a");
  CHECK(says(error.detail, "held by ann for 5 s"));
  CHECK(room.list().size() == 1);
  // The same request may be made again.
  room.acquire(bob, 1, "a");
  room.refused(Code::locked);
}

TEST_CASE("a repeat never grants twice", "[locks]") {
  LockRoom room;
  const std::string token = room.lock(ann, 1, "a");
  SECTION("granted: the same token again") {
    CHECK(room.lock(ann, 1, "a") == token);
    CHECK(room.list().size() == 1);
    // Another session's request of that id is another request.
    room.acquire(bob, 1, "a");
    room.refused(Code::locked);
  }
  SECTION("waiting: the newest is answered, once") {
    room.acquire(bob, 1, "a", 60'000);
    room.probe.tell(room.broker, AcquireLock{{{"a"}}, 60'000, 0}, 1, {bob, 77, 0});
    room.probe.expect_silence();
    room.ask(ann, 2, protocol::ReleaseLock{token});
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
    CHECK(room.probe.expect<AcquireLockReply>(room.broker).message.stamp.job == 77);
    room.probe.expect_silence();
  }
  SECTION("released: forgotten") {
    room.ask(ann, 2, protocol::ReleaseLock{token});
    room.probe.expect<protocol::ReleaseLockReply>(room.broker);
    CHECK(room.lock(ann, 1, "a") != token);
  }
}

TEST_CASE("each path of a session's locks counts against its limit", "[locks]") {
  LockRoom room;
  room.alive(ann, "ann", 3'600'000);
  std::vector<protocol::LockClaim> claims(50);
  for (std::uint64_t request = 1; request <= 200; ++request) {
    for (std::size_t i = 0; i < claims.size(); ++i)
      claims[i].path = std::to_string(request) + "/" + std::to_string(i);
    room.ask(ann, request, AcquireLock{claims, 0, 0});
    room.granted();
  }
  room.acquire(ann, 201, "one more");
  room.refused(Code::too_many_locks);
  room.lock(bob, 1, "one more");
  room.end(ann, true);
  room.lock(ann, 202, "1/0");
}

TEST_CASE("a lock that only commits under way keep waiting waits for them, asked or not",
          "[locks]") {
  LockRoom room;
  room.join(room.worker, 1);
  room.commit(ann, 1, LockRoom::put("a"));
  const Message publish = room.published_to();
  room.acquire(bob, 1, "a");
  room.probe.expect_silence();
  SECTION("granted when they are done") {
    room.done(publish);
    room.replied(room.worker);
    room.granted();
  }
  SECTION("refused when that takes long") {
    room.probe.advance(locks::LockActor::commit_grace);
    CHECK(says(room.refused(Code::locked).detail, "a change of session"));
    room.done(publish);
    room.replied(room.worker);
  }
  SECTION("granted though its turn and its time limit come together") {
    room.acquire(cid, 1, "a", 10'000);
    room.probe.expect_silence();
    room.end(bob, true);
    room.refused(Code::cancelled);
    room.done(publish);
    room.replied(room.worker);
    room.granted();
  }
  room.probe.expect_silence();
}

TEST_CASE("numbers are never given beyond what is reserved", "[locks]") {
  LockRoom room(102);
  // The first message finds too few left and asks for more.
  room.acquire(ann, 1, "a");
  CHECK(room.granted().starts_with("101-"));
  const auto ask = room.probe.expect<protocol::ReserveNumbers>(room.publisher);
  CHECK(ask.body.up_to == 102 + protocol::limits::number_reserve);
  const std::string token = room.lock(ann, 2, "b");
  CHECK(token.starts_with("102-"));
  room.acquire(ann, 3, "c");
  room.refused(Code::overloaded);
  // A waiter whose turn comes has none either; who is behind it is asked next.
  room.acquire(bob, 1, "b", 60'000);
  room.ask(ann, 4, protocol::ReleaseLock{token});
  room.refused(Code::overloaded);
  room.probe.expect<protocol::ReleaseLockReply>(room.broker);
  room.join(room.worker, 1);
  room.commit(ann, 5, LockRoom::put("x"));
  room.no_outcome();
  room.commit_refused(Code::overloaded);
  room.probe.expect_silence();

  SECTION("more are reserved") {
    room.probe.answer(ask.message, protocol::ReserveNumbersReply{ask.body.up_to});
    // 103 is the mark that events were missed: those of the releases above.
    CHECK(room.lock(ann, 6, "c").starts_with("104-"));
    room.probe.expect_silence();
  }
  SECTION("the log has failed: asked again a second later") {
    room.probe.answer(ask.message, protocol::ReserveNumbersReply{102});
    room.acquire(ann, 6, "c");
    room.refused(Code::overloaded);
    room.probe.advance(Time{999});
    room.probe.expect_silence();
    room.probe.advance(Time{1});
    const auto again = room.probe.expect<protocol::ReserveNumbers>(room.publisher);
    room.probe.tell(runtime::make_error(again.message, {Code::log_failed, {}, {}}));
    room.probe.expect_silence();
    room.probe.advance(Time{1000});
    room.probe.expect<protocol::ReserveNumbers>(room.publisher);
  }
}

TEST_CASE("more numbers are asked for at half a block", "[locks]") {
  LockRoom room(100 + protocol::limits::number_reserve / 2);
  CHECK(room.actor.next_tick() == runtime::never);
  room.lock(ann, 1, "a");
  room.probe.expect<protocol::ReserveNumbers>(room.publisher);
}

TEST_CASE("what comes through the wrong door is not obeyed", "[locks]") {
  LockRoom room;
  room.probe.tell(room.worker, AcquireLock{{{"a"}}, 0, 0}, 1, {ann, 1, 0});
  room.probe.expect_error(room.worker, Code::unknown_type);
  room.probe.tell(room.worker, protocol::WorkerKnown{5});
  room.probe.expect_error(room.worker, Code::unknown_type);
  room.probe.tell(room.worker, protocol::JoinLocks{5, 7});
  room.probe.expect_error(room.worker, Code::hello_required);
  room.probe.tell(room.worker, protocol::Published{});
  room.probe.expect_error(room.worker, Code::unknown_type);
  room.probe.tell(room.worker, protocol::ErrorReply{Code::locked, {}, {}});
  room.probe.tell(room.broker, protocol::ErrorReply{Code::locked, {}, {}});
  room.probe.tell(room.publisher, protocol::Pong{});
  room.probe.expect_silence();
  room.ask(ann, 1, protocol::Stat{"a"});
  room.refused(Code::unknown_type);
}
TEST_CASE("a refusal names the path that is held, where another one was asked for", "[locks]") {
  LockRoom room;
  room.alive(bob, "bob");
  room.lock(bob, 1, "deep/x");
  room.ask(ann, 1, protocol::AcquireLock{{{"deep", true}}, 0, 0});
  auto error = room.refused(Code::locked);
  CHECK(error.path == "deep");
  CHECK(says(error.detail, "left on its lease; its lock is on \"deep/x\""));
  room.ask(ann, 2, protocol::AcquireLock{{{"", true}}, 0, 0});
  CHECK(says(room.refused(Code::locked).detail, "left on its lease; its lock is on \"deep/x\""));
  room.acquire(ann, 3, "deep/x");
  CHECK_FALSE(says(room.refused(Code::locked).detail, "its lock"));
  room.lock(bob, 2, "");
  room.acquire(ann, 4, "");
  CHECK(says(room.refused(Code::locked).detail, "; its lock is on the root"));
}
