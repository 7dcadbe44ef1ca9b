// The session over lost connections, restarted servers and silence: what is repeated, under which
// ids, when it gives up; heartbeats; what this process's own standstill does not mean.
#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"
#include "tests/unit/client/session_probe.hpp"

namespace sluice::tests {
namespace {

using protocol::Code;
using runtime::Time;

TEST_CASE("hello_required: hello again, then all unanswered requests under their ids, in order") {
  SessionProbe probe;
  probe.connect();
  for (std::uint64_t job : {1, 2, 3}) probe.stat(job);
  const auto a = probe.expect_stat();
  const auto b = probe.expect_stat();
  const auto c = probe.expect_stat();
  probe.finish_stat(b, 2);
  probe.probe.advance(Time(1'000));
  probe.probe.answer(a, protocol::ErrorReply{Code::hello_required, "", ""});
  probe.probe.answer(c, protocol::ErrorReply{Code::hello_required, "", ""});
  const auto hello_id = probe.welcome_back(control, 1, true);
  const auto a_again = probe.expect_stat();
  const auto c_again = probe.expect_stat();
  CHECK(a_again.header.request_id == a.header.request_id);
  CHECK(c_again.header.request_id == c.header.request_id);
  CHECK(hello_id > c.header.request_id);
  CHECK(a_again.body == a.body);
  probe.probe.expect_silence();
  probe.finish_stat(a_again, 1);
  probe.finish_stat(c_again, 3);
}

TEST_CASE("a server that welcomes and forgets is not asked in a tight loop") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  auto request = probe.expect_stat();
  int hellos = 0;
  for (Time left(1'000); left.count() > 0; left -= Time(10)) {
    probe.probe.answer(request, protocol::ErrorReply{Code::hello_required, "", ""});
    if (probe.probe.unexpected() > 0) {
      probe.welcome_back(control, 1, true);
      request = probe.expect_stat();
      ++hellos;
    }
    probe.probe.advance(Time(10));
  }
  CHECK(hellos >= 2);
  CHECK(hellos <= 11);
}

TEST_CASE("a new epoch makes both connections say hello and repeat") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto stat = probe.expect_stat();
  probe.post(2, protocol::WriteChunk{}, 100);
  probe.connect_bulk();
  const auto chunk = probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.probe.advance(Time(300));
  probe.probe.answer(stat, protocol::ErrorReply{Code::hello_required, "", ""});
  probe.welcome_back(control, 2, false);
  CHECK(probe.expect_stat().header.request_id == stat.header.request_id);
  probe.welcome_back(bulk, 2, true);
  const auto again = probe.probe.expect<protocol::WriteChunk>(bulk);
  CHECK(again.message.header.request_id == chunk.message.header.request_id);
  CHECK(again.message.payload.text() == chunk.message.payload.text());
  probe.probe.expect_silence();
}

TEST_CASE("a second welcome of the same server repeats nothing") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  probe.expect_stat();
  probe.probe.tell(control, welcome(1, true), 1);
  probe.probe.expect<protocol::Welcome>(application);
  probe.probe.expect_silence();
}

TEST_CASE("silence with something unanswered: hello again and repeat") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  probe.die();
  probe.probe.advance(Time(2'400));
  probe.probe.expect_silence();
  probe.probe.advance(Time(400));
  probe.welcome_back(control, 1, true);
  CHECK(probe.expect_stat().header.request_id == request.header.request_id);
}

TEST_CASE("a slow answer of a living server is waited for without repeats") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  probe.probe.advance(Time(600'000));
  probe.probe.expect_silence();
  CHECK(probe.server.pings > 500);
  probe.finish_stat(request, 1);
}

TEST_CASE("bulk under way gets time by its size while control shows that the server lives") {
  SessionProbe probe;
  auto large = welcome();
  large.window_bytes = 16u << 20;
  probe.connect(large);
  probe.server.bulk_lives = false;
  probe.post(1, protocol::WriteChunk{}, 8u << 20);
  probe.connect_bulk();
  const auto chunk = probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.probe.advance(Time(10'000));
  probe.probe.expect_silence();
  probe.probe.advance(Time(1'200));
  probe.connect_bulk();
  const auto again = probe.probe.expect<protocol::WriteChunk>(bulk);
  CHECK(again.message.header.request_id == chunk.message.header.request_id);
  // And more the next time, since it might be the network that is slow.
  probe.probe.advance(Time(12'000));
  probe.probe.expect_silence();
}

TEST_CASE("a server that was never there: unreachable after the connect timeout") {
  SessionProbe probe;
  probe.stat(1);
  probe.probe.expect<protocol::Hello>(control);
  probe.probe.advance(Time(4'600));
  CHECK(probe.session.unanswered() == 1);
  probe.probe.expect<protocol::Hello>(control);
  probe.probe.expect<protocol::Hello>(control);
  probe.probe.expect_silence();
  probe.probe.advance(Time(600));
  probe.probe.expect<protocol::Hello>(control);
  probe.expect_failure(1, Code::unreachable);
  // Nothing more is said until somebody asks again; then it gets its own time.
  probe.probe.advance(Time(60'000));
  probe.probe.expect_silence();
  probe.stat(2);
  probe.welcome_back(control, 1, false);
  probe.finish_stat(probe.expect_stat(), 2);
}

TEST_CASE("a server that went away: unreachable after the reconnect limit, and not before") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  probe.expect_stat();
  probe.post(2, protocol::WriteChunk{}, 100);
  probe.connect_bulk();
  probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.die();
  const Time begin = probe.probe.now();
  std::vector<std::uint64_t> hellos;
  while (probe.session.unanswered() > 0) {
    probe.probe.advance(Time(100));
    REQUIRE(probe.probe.now() - begin < Time(40'000));
    while (probe.probe.unexpected() > 0 && probe.session.unanswered() > 0)
      hellos.push_back(probe.probe.expect<protocol::Hello>(control).message.header.request_id);
  }
  CHECK(probe.probe.now() - begin >= Time(30'000));
  CHECK(hellos.size() >= 5);
  CHECK(std::is_sorted(hellos.begin(), hellos.end()));
  probe.expect_failure(1, Code::unreachable);
  probe.expect_failure(2, Code::unreachable);
  probe.probe.expect_silence();
}

TEST_CASE("a connection whose answers come is slow and not gone, though no hello gets through") {
  SessionProbe probe;
  probe.connect();
  probe.server.bulk_lives = false;
  for (const std::uint64_t job : {1, 2, 3}) probe.post(job, protocol::WriteChunk{}, 100);
  probe.connect_bulk();
  std::vector<runtime::Message> chunks;
  for (int i = 0; i < 3; ++i)
    chunks.push_back(probe.probe.expect<protocol::WriteChunk>(bulk).message);
  for (const std::size_t i : {0, 1}) {
    probe.probe.advance(Time(20'000));
    while (probe.probe.unexpected() > 0) probe.probe.expect<protocol::Hello>(bulk);
    probe.probe.answer(chunks[i], protocol::WriteChunkReply{});
    CHECK(probe.probe.expect<protocol::WriteChunkReply>(application).message.stamp.job == i + 1);
  }
  probe.probe.advance(Time(29'000));
  CHECK(probe.session.unanswered() == 1);
  probe.probe.advance(Time(2'000));
  CHECK(probe.session.unanswered() == 0);
  while (probe.probe.unexpected() > 1) probe.probe.expect<protocol::Hello>(bulk);
  probe.expect_failure(3, Code::unreachable);
}

TEST_CASE("a server that comes back in time finds the requests repeated") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  probe.die();
  probe.probe.advance(Time(20'000));
  while (probe.probe.unexpected() > 1) probe.probe.expect<protocol::Hello>(control);
  probe.revive();
  probe.welcome_back(control, 2, false);
  const auto again = probe.expect_stat();
  CHECK(again.header.request_id == request.header.request_id);
  probe.finish_stat(again, 1);
}

TEST_CASE("what is said again waits for what is left of its time") {
  SessionProbe probe;
  probe.connect();
  const auto post_all = [&](std::uint64_t job, std::uint32_t wait_ms) {
    protocol::AcquireLock acquire;
    acquire.claims = {{"a"}};
    acquire.wait_ms = wait_ms;
    probe.post(job, acquire);
    probe.probe.expect<protocol::AcquireLock>(control);
    probe.post(job + 1, protocol::ConvertLock{"7-0123456789abcdef", false, wait_ms});
    probe.probe.expect<protocol::ConvertLock>(control);
    protocol::Remove remove;
    remove.path = "b";
    remove.terms.wait_ms = wait_ms;
    probe.post(job + 2, remove);
    probe.probe.expect<protocol::Remove>(control);
  };
  const auto expect_all = [&](std::uint32_t wait_ms) {
    CHECK(probe.probe.expect<protocol::AcquireLock>(control).body.wait_ms == wait_ms);
    CHECK(probe.probe.expect<protocol::ConvertLock>(control).body.wait_ms == wait_ms);
    const auto remove = probe.probe.expect<protocol::Remove>(control).body;
    CHECK(remove.path == "b");
    CHECK(remove.terms.wait_ms == wait_ms);
  };
  std::uint32_t wait = 0, left = 0;
  SECTION("some is left") {
    wait = 10'000, left = 4'000;
  }
  SECTION("none is left: for a moment") {
    wait = 6'001, left = protocol::limits::wait_again_min_ms;
  }
  SECTION("never longer than it wanted") {
    wait = 100, left = 100;
  }
  SECTION("it did not want to wait") {
    wait = 0, left = 0;
  }
  post_all(1, wait);
  probe.probe.advance(Time(6'000));
  probe.post(4, protocol::Stat{"c"});
  const auto stat = probe.expect_stat();
  probe.probe.answer(stat, protocol::ErrorReply{Code::hello_required, "", ""});
  probe.welcome_back(control, 2, false);
  expect_all(left);
}

TEST_CASE("an idle session keeps its lease, and notices a dead server") {
  SessionProbe probe;
  probe.connect();
  probe.probe.advance(Time(30'000));
  // A lease of 9 s: a heartbeat every 3 s.
  CHECK(probe.server.pings >= 9);
  CHECK(probe.server.pings <= 11);
  probe.probe.expect_silence();
  probe.die();
  probe.probe.advance(Time(3'000 + 2'800));
  probe.welcome_back(control, 2, false);
  probe.probe.expect_silence();
}

TEST_CASE("a lock with a short life is kept by more frequent heartbeats, until it is released") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::AcquireLock{});
  const auto request = probe.probe.expect<protocol::AcquireLock>(control);
  const std::string token = "5-0123456789abcdef";
  probe.probe.answer(request.message, protocol::AcquireLockReply{token, 600});
  probe.probe.expect<protocol::AcquireLockReply>(application);
  probe.server.pings = 0;
  probe.probe.advance(Time(6'000));
  CHECK(probe.server.pings >= 29);
  probe.post(2, protocol::ReleaseLock{token});
  const auto release = probe.probe.expect<protocol::ReleaseLock>(control);
  probe.probe.answer(release.message, protocol::ReleaseLockReply{});
  probe.server.pings = 0;
  probe.probe.advance(Time(6'000));
  CHECK(probe.server.pings <= 3);
}

TEST_CASE("answers carry the time as of which the server is known to have heard us") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  const Time sent = probe.probe.now();
  probe.server.control_lives = false;
  probe.probe.advance(Time(1'500));
  probe.probe.answer(request, protocol::StatReply{});
  const auto answer = probe.probe.expect<protocol::StatReply>(application);
  CHECK(answer.message.stamp.number == static_cast<std::uint64_t>(sent.count()));
}

TEST_CASE("the time in which this process stood still is no silence of the server's") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  // A tick that comes two minutes late, and right behind it the answer that had been waiting.
  runtime::Outbox outbox;
  const Time late = probe.probe.now() + Time(120'000);
  probe.session.on_tick(late, outbox);
  probe.session.on_message(runtime::make_reply(request, protocol::StatReply{}), late, outbox);
  bool answered = false;
  for (const auto& message : outbox.take()) {
    CHECK(message.header.type != protocol::Type::error);
    answered |= message.header.type == protocol::Type::stat_reply;
  }
  CHECK(answered);
}

TEST_CASE("who is cancelled while the server is silent is answered, and late grants given back") {
  SessionProbe probe;
  probe.connect();
  protocol::AcquireLock body;
  body.claims = {{"a", false, false}};
  probe.post(1, body);
  const auto request = probe.probe.expect<protocol::AcquireLock>(control);
  probe.die();
  SECTION("cancelled before the silence is noticed") {
    probe.cancel(1);
    probe.probe.expect<protocol::Cancel>(control);
    probe.probe.advance(Time(3'000));
    // Further cancels were said meanwhile, then hello.
    while (probe.session.unanswered() > 0 && probe.probe.unexpected() > 2)
      probe.probe.expect<protocol::Cancel>(control);
  }
  SECTION("cancelled afterwards") {
    probe.probe.advance(Time(3'000));
    probe.cancel(1);
  }
  probe.expect_failure(1, Code::cancelled);
  probe.revive();
  probe.welcome_back(control, 1, true);
  const auto again = probe.probe.expect<protocol::AcquireLock>(control);
  CHECK(again.message.header.request_id == request.message.header.request_id);
  CHECK(probe.probe.expect<protocol::Cancel>(control).body.request_id ==
        request.message.header.request_id);
  probe.probe.answer(again.message, protocol::AcquireLockReply{"5-0123456789abcdef", 9'000});
  const auto release = probe.probe.expect<protocol::ReleaseLock>(control);
  CHECK(release.body.token == "5-0123456789abcdef");
  probe.probe.answer(release.message, protocol::ReleaseLockReply{});
  probe.probe.expect_silence();
  CHECK(probe.session.unanswered() == 0);
}

TEST_CASE("a change that was cancelled in silence is not repeated") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::Remove{});
  probe.probe.expect<protocol::Remove>(control);
  probe.die();
  probe.probe.advance(Time(3'000));
  probe.cancel(1);
  probe.expect_failure(1, Code::cancelled);
  probe.revive();
  probe.welcome_back(control, 1, true);
  probe.probe.expect_silence();
  CHECK(probe.session.unanswered() == 0);
}

TEST_CASE("a request that runs out of its time is answered then, and withdrawn") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1, 300);
  const auto request = probe.expect_stat();
  probe.stat(2);
  const auto other = probe.expect_stat();
  probe.probe.advance(Time(299));
  probe.probe.expect_silence();
  probe.probe.advance(Time(1));
  probe.expect_failure(1, Code::timed_out);
  const auto cancel = probe.probe.expect<protocol::Cancel>(control);
  CHECK(cancel.body.request_id == request.header.request_id);
  probe.probe.answer(request, protocol::StatReply{});
  probe.probe.expect_silence();
  probe.finish_stat(other, 2);
  CHECK(probe.session.unanswered() == 0);
}

TEST_CASE("a lock that comes after its request ran out of its time is given back") {
  SessionProbe probe;
  probe.connect();
  protocol::AcquireLock body;
  body.claims = {{"a"}};
  body.wait_ms = 100;
  probe.post(1, body, 0, 0, 500);
  const auto request = probe.probe.expect<protocol::AcquireLock>(control);
  probe.probe.advance(Time(500));
  probe.expect_failure(1, Code::timed_out);
  probe.probe.expect<protocol::Cancel>(control);
  probe.probe.answer(request.message, protocol::AcquireLockReply{"5-0123456789abcdef", 9'000});
  CHECK(probe.probe.expect<protocol::ReleaseLock>(control).body.token == "5-0123456789abcdef");
}

TEST_CASE("a request runs out of its time before it was sent at all") {
  SessionProbe probe;
  probe.stat(1, 300);
  probe.probe.expect<protocol::Hello>(control);
  probe.probe.advance(Time(300));
  probe.expect_failure(1, Code::timed_out);
  CHECK(probe.session.unanswered() == 0);
}

}  // namespace
}  // namespace sluice::tests
