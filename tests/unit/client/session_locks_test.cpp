// The session and its locks over the restart of a server: each is confirmed before anything else is
// said again, those that are gone are told, and what the server says of a loss by itself.
#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"
#include "tests/unit/client/session_probe.hpp"

namespace sluice::tests {
namespace {

using protocol::Code;
using runtime::Message;
using runtime::Time;

std::string token_of(int number) {
  return std::to_string(number) + "-0123456789abcdef";
}

struct LockProbe : SessionProbe {
  std::uint64_t last_job = 100;

  protocol::AcquireLock body(const std::string& owner = "") {
    protocol::AcquireLock body;
    body.claims = {{"a", false, false}};
    body.wait_ms = 60'000;
    body.owner = owner;
    return body;
  }
  /// A lock of this number, granted.
  void hold(int number, std::uint32_t ttl_ms = 9'000, const std::string& owner = "") {
    post(++last_job, body(owner));
    const auto request = probe.expect<protocol::AcquireLock>(control);
    probe.answer(request.message, protocol::AcquireLockReply{token_of(number), ttl_ms});
    probe.expect<protocol::AcquireLockReply>(application);
  }
  /// The server has been restarted, and answers something with that.
  void restart(const Message& request, std::uint64_t epoch = 2, bool resumed = false) {
    probe.advance(Time(300));
    probe.answer(request, protocol::ErrorReply{Code::hello_required, "", ""});
    welcome_back(control, epoch, resumed);
  }
  Message expect_question(int number) {
    const auto renew = probe.expect<protocol::RenewLock>(control);
    CHECK(renew.body.token == token_of(number));
    return renew.message;
  }
  /// What follows the last one, answered.
  void finish_confirming() {
    const auto renew = probe.expect<protocol::RenewLock>(control);
    CHECK(renew.body.token.empty());
    CHECK(renew.body.last);
    probe.expect_silence();
    probe.answer(renew.message, protocol::RenewLockReply{9'000});
  }
  void expect_confirmed(int number) {
    const auto told = probe.expect<protocol::RenewLock>(application);
    CHECK(told.body.token == token_of(number));
    CHECK(told.message.stamp.job == 0);
  }
  void expect_lost(std::uint64_t number, Code code) {
    const auto told = probe.expect<protocol::LockLost>(application);
    CHECK(told.body.number == number);
    CHECK(told.body.code == code);
    CHECK(told.message.stamp.job == 0);
  }
};

TEST_CASE("after a restart each lock is confirmed before anything else is said again") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.hold(6);
  probe.hold(7, 3'600'000, "nightly");
  probe.stat(1);
  const auto stat = probe.expect_stat();
  probe.post(2, protocol::WriteChunk{}, 100);
  probe.connect_bulk();
  const auto chunk = probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.restart(stat, 2, GENERATE(false, true));
  const auto first = probe.expect_question(5);
  const auto second = probe.expect_question(6);
  probe.welcome_back(bulk, 2, true);
  probe.stat(3);
  probe.probe.expect_silence();
  probe.probe.answer(second, protocol::RenewLockReply{9'000});
  probe.expect_confirmed(6);
  probe.probe.expect_silence();
  SECTION("still held") {
    probe.probe.answer(first, protocol::RenewLockReply{9'000});
    probe.expect_confirmed(5);
  }
  SECTION("gone") {
    const Code code = GENERATE(Code::fenced, Code::lease_expired);
    probe.probe.answer(first, protocol::ErrorReply{code, "", "not held"});
    probe.expect_lost(5, code);
  }
  probe.finish_confirming();
  CHECK(probe.expect_stat().header.request_id == stat.header.request_id);
  CHECK(probe.probe.expect<protocol::WriteChunk>(bulk).message.header.request_id ==
        chunk.message.header.request_id);
  probe.finish_stat(probe.expect_stat(), 3);
}

TEST_CASE("what was lost or given back is not asked about, and a second restart asks again") {
  LockProbe probe;
  probe.connect();
  for (const int number : {5, 6, 7}) probe.hold(number);
  probe.probe.tell(control, protocol::LockLost{5, Code::fenced, "broken by an administrator"});
  probe.expect_lost(5, Code::fenced);
  probe.post(1, protocol::ReleaseLock{token_of(6)});
  const auto release = probe.probe.expect<protocol::ReleaseLock>(control).message;
  probe.probe.answer(release, protocol::ReleaseLockReply{});
  probe.probe.expect<protocol::ReleaseLockReply>(application);
  probe.stat(1);
  const auto stat = probe.expect_stat();
  probe.restart(stat);
  const auto early = probe.expect_question(7);
  probe.restart(early, 3);
  const auto late = probe.expect_question(7);
  probe.probe.answer(early, protocol::RenewLockReply{9'000});
  probe.probe.expect_silence();
  probe.probe.answer(late, protocol::RenewLockReply{9'000});
  probe.expect_confirmed(7);
  probe.finish_confirming();
  probe.finish_stat(probe.expect_stat(), 1);
}

TEST_CASE(
    "a release that was under way is said again, and is done whether the lock is there or not") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.post(1, protocol::ReleaseLock{token_of(5)});
  const auto release = probe.probe.expect<protocol::ReleaseLock>(control).message;
  probe.restart(release);
  const auto question = probe.expect_question(5);
  const bool done_before = GENERATE(false, true);
  if (done_before) {
    probe.probe.answer(question, protocol::ErrorReply{Code::fenced, "", "not held"});
    probe.expect_lost(5, Code::fenced);
  } else {
    probe.probe.answer(question, protocol::RenewLockReply{9'000});
    probe.expect_confirmed(5);
  }
  probe.finish_confirming();
  const auto again = probe.probe.expect<protocol::ReleaseLock>(control).message;
  CHECK(again.header.request_id == release.header.request_id);
  if (done_before)
    probe.probe.answer(again, protocol::ErrorReply{Code::fenced, "", "not held"});
  else
    probe.probe.answer(again, protocol::ReleaseLockReply{});
  CHECK(probe.probe.expect<protocol::ReleaseLockReply>(application).message.stamp.job == 1);
}

TEST_CASE("a release that finds no lock at once has lost it before") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.post(1, protocol::ReleaseLock{token_of(5)});
  probe.probe.answer(probe.probe.expect<protocol::ReleaseLock>(control).message,
                     protocol::ErrorReply{Code::fenced, "", "not held"});
  probe.expect_failure(1, Code::fenced);
}

TEST_CASE("a lock whose release was given up is not brought to life again") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.hold(6);
  probe.post(1, protocol::ReleaseLock{token_of(5)});
  probe.probe.expect<protocol::ReleaseLock>(control);
  probe.die();
  probe.probe.advance(Time(33'000));
  while (probe.probe.unexpected() > 1) probe.probe.expect<protocol::Hello>(control);
  probe.expect_failure(1, Code::unreachable);
  probe.revive();
  probe.stat(2);
  probe.welcome_back(control, 2, false);
  probe.probe.answer(probe.expect_question(6), protocol::RenewLockReply{9'000});
  probe.expect_confirmed(6);
  probe.finish_confirming();
  probe.finish_stat(probe.expect_stat(), 2);
}

TEST_CASE("many locks are confirmed within the window, and again over a lost connection") {
  LockProbe probe;
  probe.connect();
  for (int number = 10; number < 30; ++number) probe.hold(number);
  probe.stat(1);
  probe.restart(probe.expect_stat());
  std::vector<Message> questions;
  for (int i = 0; i < 8; ++i)
    questions.push_back(probe.probe.expect<protocol::RenewLock>(control).message);
  probe.probe.expect_silence();
  int confirmed = 0;
  const auto confirm = [&](const Message& question) {
    probe.probe.answer(question, protocol::RenewLockReply{9'000});
    probe.probe.expect<protocol::RenewLock>(application);
    ++confirmed;
  };
  confirm(questions.front());
  questions.push_back(probe.probe.expect<protocol::RenewLock>(control).message);
  probe.restart(questions.back(), 2, true);
  questions.clear();
  for (int i = 0; i < 8; ++i)
    questions.push_back(probe.probe.expect<protocol::RenewLock>(control).message);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    confirm(questions[i]);
    if (questions.size() < 19)
      questions.push_back(probe.probe.expect<protocol::RenewLock>(control).message);
  }
  CHECK(confirmed == 20);
  probe.finish_confirming();
  probe.finish_stat(probe.expect_stat(), 1);
}

TEST_CASE("a server that has no room for the question is asked again") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.stat(1);
  probe.restart(probe.expect_stat());
  probe.probe.answer(probe.expect_question(5), protocol::ErrorReply{Code::overloaded, "", ""});
  probe.probe.expect_silence();
  probe.probe.advance(Time(400));
  probe.probe.answer(probe.expect_question(5), protocol::RenewLockReply{9'000});
  probe.expect_confirmed(5);
  const auto last = probe.probe.expect<protocol::RenewLock>(control).message;
  probe.probe.answer(last, protocol::ErrorReply{Code::overloaded, "", ""});
  probe.probe.expect_silence();
  probe.probe.advance(Time(400));
  probe.finish_confirming();
  probe.finish_stat(probe.expect_stat(), 1);
}

TEST_CASE("a session that holds nothing any more says so, over a lost connection too") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.post(1, protocol::ReleaseLock{token_of(5)});
  const auto release = probe.probe.expect<protocol::ReleaseLock>(control).message;
  probe.probe.answer(release, protocol::ReleaseLockReply{});
  probe.probe.expect<protocol::ReleaseLockReply>(application);
  probe.stat(2);
  probe.restart(probe.expect_stat());
  const auto lost = probe.probe.expect<protocol::RenewLock>(control).message;
  probe.restart(lost, 2, true);
  probe.finish_confirming();
  probe.finish_stat(probe.expect_stat(), 2);
}

TEST_CASE("a grant that was asked for before the restart is confirmed too") {
  LockProbe probe;
  probe.connect();
  probe.post(1, probe.body());
  const auto request = probe.probe.expect<protocol::AcquireLock>(control).message;
  probe.restart(request);
  const auto again = probe.probe.expect<protocol::AcquireLock>(control).message;
  CHECK(again.header.request_id == request.header.request_id);
  probe.probe.answer(again, protocol::AcquireLockReply{token_of(5), 9'000});
  probe.probe.expect<protocol::AcquireLockReply>(application);
  probe.probe.answer(probe.expect_question(5), protocol::RenewLockReply{9'000});
  probe.expect_confirmed(5);
  probe.probe.expect_silence();
}

TEST_CASE("a dead server's grant that comes after another one's welcome is asked for again") {
  LockProbe probe;
  probe.connect();
  probe.post(1, probe.body());
  const auto request = probe.probe.expect<protocol::AcquireLock>(control).message;
  probe.post(2, protocol::WriteChunk{}, 100);
  probe.connect_bulk();
  const auto chunk = probe.probe.expect<protocol::WriteChunk>(bulk).message;
  probe.probe.advance(Time(300));
  // The bulk connection alone has found it. From here on pings over it are signs of the session,
  // and none of a lock that was never confirmed.
  probe.probe.answer(chunk, protocol::ErrorReply{Code::hello_required, "", ""});
  probe.welcome_back(bulk, 2, false);
  CHECK(probe.probe.expect<protocol::WriteChunk>(bulk).message.header.request_id ==
        chunk.header.request_id);
  probe.probe.answer(request, protocol::AcquireLockReply{token_of(5), 9'000});
  probe.welcome_back(control, 2, true);
  const auto again = probe.probe.expect<protocol::AcquireLock>(control).message;
  CHECK(again.header.request_id == request.header.request_id);
  probe.probe.answer(again, protocol::AcquireLockReply{token_of(5), 9'000});
  probe.probe.expect<protocol::AcquireLockReply>(application);
  probe.probe.answer(probe.expect_question(5), protocol::RenewLockReply{9'000});
  probe.expect_confirmed(5);
  probe.probe.expect_silence();
}

TEST_CASE("the same server that forgot the session is not asked about its locks") {
  LockProbe probe;
  probe.connect();
  probe.hold(5);
  probe.stat(1);
  probe.restart(probe.expect_stat(), 1, false);
  probe.finish_stat(probe.expect_stat(), 1);
  probe.probe.expect_silence();
}

TEST_CASE("a lock of a named owner needs no heartbeats of its own") {
  LockProbe probe;
  probe.connect();
  probe.hold(5, 600, "nightly");
  probe.server.pings = 0;
  probe.probe.advance(Time(6'000));
  CHECK(probe.server.pings <= 3);
}

TEST_CASE("what makes way for others is not queued behind those who wait") {
  LockProbe probe;
  probe.connect();
  // Half of the window of eight may wait for locks.
  for (std::uint64_t job = 1; job <= 6; ++job) probe.post(job, probe.body());
  for (int i = 0; i < 4; ++i) probe.probe.expect<protocol::AcquireLock>(control);
  probe.post(7, protocol::ConvertLock{token_of(5), false, 1'000, 0});
  probe.probe.expect_silence();
  probe.post(8, protocol::ConvertLock{token_of(5), true, 0, 0});
  CHECK(probe.probe.expect<protocol::ConvertLock>(control).body.shared);
  probe.post(9, protocol::ReleaseLock{token_of(5)});
  probe.probe.expect<protocol::ReleaseLock>(control);
}

}  // namespace
}  // namespace sluice::tests
