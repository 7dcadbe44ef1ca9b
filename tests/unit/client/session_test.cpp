// The session message by message: hellos, ids, windows, cancelling, ends. What time and lost
// connections bring about is in session_time_test.cpp.
#include "protocol/messages/batches.hpp"
#include "protocol/messages/locks.hpp"
#include "tests/unit/client/session_probe.hpp"

namespace sluice::tests {
namespace {

using protocol::Code;
using runtime::Time;

protocol::AcquireLock acquire() {
  protocol::AcquireLock body;
  body.claims = {{"a", false, false}};
  body.wait_ms = 60'000;
  return body;
}

TEST_CASE("the first tick says hello on the control connection alone") {
  SessionProbe probe;
  probe.probe.advance(Time(0));
  const auto hello = probe.probe.expect<protocol::Hello>(control);
  CHECK(hello.body.secret == "0123456789abcdef");
  CHECK(hello.body.name == "me@here:1");
  CHECK(hello.body.connection == protocol::Connection::control);
  CHECK(hello.body.version_min == 1);
  probe.probe.expect_silence();
}

TEST_CASE("requests wait for the welcome and go out in order with growing ids") {
  SessionProbe probe;
  probe.stat(1);
  probe.stat(2);
  const auto hello = probe.probe.expect<protocol::Hello>(control);
  probe.probe.expect_silence();
  probe.probe.answer(hello.message, welcome());
  const auto notice = probe.probe.expect<protocol::Welcome>(application);
  CHECK(notice.message.stamp.job == 0);
  const auto first = probe.expect_stat();
  const auto second = probe.expect_stat();
  CHECK(first.header.request_id > hello.message.header.request_id);
  CHECK(second.header.request_id > first.header.request_id);
  probe.finish_stat(second, 2);
  probe.finish_stat(first, 1);
  probe.probe.expect_silence();
}

TEST_CASE("what goes over the wire is counted, and what is said again once more") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::Put{}, 500);
  probe.connect_bulk();
  const auto put = probe.probe.expect<protocol::Put>(bulk).message;
  const auto size_of = [](const runtime::Message& message) {
    return protocol::Header::wire_bytes + message.body.size() + message.payload.size();
  };
  const Traffic first = probe.session.traffic();
  CHECK(first.sent_bytes > size_of(put));
  CHECK(first.sent_bytes < size_of(put) + 500);
  // The server forgets that it was asked.
  probe.probe.advance(Time(1'000));
  probe.probe.answer(put, protocol::ErrorReply{Code::hello_required, "", ""});
  probe.welcome_back(bulk, 1, true);
  probe.probe.expect<protocol::Put>(bulk);
  CHECK(probe.session.traffic().sent_bytes > first.sent_bytes + size_of(put));
  const Traffic before = probe.session.traffic();
  runtime::Message reply = runtime::make_reply(put, protocol::PutReply{7});
  reply.payload = protocol::Payload::of(std::string(300, 'x'));
  reply.peer = bulk;
  const std::size_t reply_bytes = size_of(reply);
  probe.probe.tell(std::move(reply));
  CHECK(probe.session.traffic().received_bytes == before.received_bytes + reply_bytes);
  probe.probe.expect<protocol::PutReply>(application);
}

TEST_CASE("what the server could not read the header of is said again") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const auto request = probe.expect_stat();
  probe.probe.advance(Time(1'000));
  runtime::Message nameless;
  nameless.peer = control;
  probe.probe.answer(nameless, protocol::ErrorReply{Code::bad_message, "", "no such frames"});
  probe.welcome_back(control, 1, true);
  const auto again = probe.expect_stat();
  CHECK(again.header.request_id == request.header.request_id);
  probe.finish_stat(again, 1);
  probe.probe.expect_silence();
}

TEST_CASE("a batch takes as many ids as it has files, and counts as so many changes") {
  SessionProbe probe;
  probe.connect();
  const auto post_batch = [&](std::uint64_t job, std::uint64_t files) {
    runtime::Message message = runtime::make_message(application, protocol::PutMany{});
    message.stamp.job = job;
    message.stamp.session = files;
    probe.probe.tell(std::move(message));
  };
  post_batch(1, 1000);
  probe.connect_bulk();
  const auto first = probe.probe.expect<protocol::PutMany>(bulk).message;
  CHECK(first.stamp.session == 0);
  // The outcome of the first file must not be forgotten before it is answered.
  post_batch(2, 25);
  probe.probe.expect_silence();
  post_batch(3, 1);
  probe.probe.expect_silence();
  probe.stat(4);
  CHECK(probe.expect_stat().header.request_id == first.header.request_id + 1000);
  probe.probe.answer(first, protocol::PutManyReply{});
  CHECK(probe.probe.expect<protocol::PutManyReply>(application).message.stamp.job == 1);
  const auto second = probe.probe.expect<protocol::PutMany>(bulk).message;
  const auto third = probe.probe.expect<protocol::PutMany>(bulk).message;
  CHECK(second.header.request_id == first.header.request_id + 1001);
  CHECK(third.header.request_id == second.header.request_id + 25);
}

TEST_CASE("an error is an answer, and only the first answer counts") {
  SessionProbe probe;
  probe.connect();
  probe.stat(5);
  const auto request = probe.expect_stat();
  probe.probe.answer(request, protocol::ErrorReply{Code::not_found, "a5", ""});
  const auto error = probe.probe.expect_error(application, Code::not_found);
  CHECK(error.message.stamp.job == 5);
  CHECK(error.body.path == "a5");
  probe.probe.answer(request, protocol::StatReply{});
  probe.probe.expect_silence();
}

TEST_CASE("an answer of another kind is an error") {
  SessionProbe probe;
  probe.connect();
  probe.stat(5);
  probe.probe.answer(probe.expect_stat(), protocol::ListReply{});
  probe.expect_failure(5, Code::bad_message);
}

TEST_CASE("bulk says hello at its first need, and what carries payload goes there") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::Put{}, 10);
  probe.post(2, protocol::Get{"b"}, 0, 500);
  probe.connect_bulk();
  const auto put = probe.probe.expect<protocol::Put>(bulk);
  CHECK(put.message.payload.size() == 10);
  const auto get = probe.probe.expect<protocol::Get>(bulk);
  CHECK(get.message.header.credit_bytes == 500);
  probe.post(3, protocol::WriteCommit{});
  probe.probe.expect<protocol::WriteCommit>(control);
  probe.probe.answer(put.message, protocol::PutReply{9});
  CHECK(probe.probe.expect<protocol::PutReply>(application).body.version == 9);
}

TEST_CASE("what exceeds the window of bytes is queued, small things pass") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::WriteChunk{}, 600);
  probe.connect_bulk();
  probe.post(2, protocol::WriteChunk{}, 600);
  probe.post(3, protocol::Get{"b"}, 0, 300);
  const auto first = probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.probe.expect_silence();
  probe.stat(4);
  probe.expect_stat();
  probe.probe.answer(first.message, protocol::WriteChunkReply{});
  probe.probe.expect<protocol::WriteChunkReply>(application);
  probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.probe.expect<protocol::Get>(bulk);
}

TEST_CASE("a request larger than the window goes alone") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::WriteChunk{}, 5'000);
  probe.connect_bulk();
  probe.probe.expect<protocol::WriteChunk>(bulk);
  probe.post(2, protocol::WriteChunk{}, 1);
  probe.probe.expect_silence();
}

// The server remembers 1,024 outcomes of a session. Were more changes than that made after one that
// is not answered, a repeat of that one would find its outcome forgotten and be done again.
TEST_CASE("changes wait when as many as the server remembers follow one that is open") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, protocol::Remove{"slow", false, {}});
  const auto slow = probe.probe.expect<protocol::Remove>(control);
  for (std::uint64_t job = 2; job <= 1'024; ++job) {
    probe.post(job, protocol::Remove{"quick", false, {}});
    const auto quick = probe.probe.expect<protocol::Remove>(control);
    probe.probe.answer(quick.message, protocol::RemoveReply{});
    probe.probe.expect<protocol::RemoveReply>(application);
  }
  probe.post(2'000, protocol::Remove{"one too many", false, {}});
  probe.probe.expect_silence();
  probe.probe.answer(slow.message, protocol::RemoveReply{});
  probe.probe.expect<protocol::RemoveReply>(application);
  CHECK(probe.probe.expect<protocol::Remove>(control).body.path == "one too many");
}

TEST_CASE("waiting locks never fill the window, and a release passes all") {
  SessionProbe probe;
  probe.connect();
  for (std::uint64_t job = 1; job <= 6; ++job) probe.post(job, acquire());
  for (int i = 0; i < 4; ++i) probe.probe.expect<protocol::AcquireLock>(control);
  probe.probe.expect_silence();
  // The window of 8 keeps 2 free for releases.
  for (std::uint64_t job = 11; job <= 14; ++job) probe.stat(job);
  probe.expect_stat();
  probe.expect_stat();
  probe.probe.expect_silence();
  probe.post(20, protocol::ReleaseLock{"1-0123456789abcdef"});
  probe.probe.expect<protocol::ReleaseLock>(control);
}

TEST_CASE("a queued request is cancelled here, a sent one by the server") {
  SessionProbe probe;
  probe.stat(1);
  probe.cancel(1);
  probe.expect_failure(1, Code::cancelled);
  const auto hello = probe.probe.expect<protocol::Hello>(control);
  probe.probe.answer(hello.message, welcome());
  probe.probe.expect<protocol::Welcome>(application);
  probe.probe.expect_silence();

  probe.post(2, acquire());
  const auto sent = probe.probe.expect<protocol::AcquireLock>(control);
  probe.cancel(2);
  const auto cancel = probe.probe.expect<protocol::Cancel>(control);
  CHECK(cancel.body.request_id == sent.message.header.request_id);
  CHECK(cancel.message.header.request_id > sent.message.header.request_id);
  probe.probe.answer(cancel.message, protocol::CancelReply{});
  probe.probe.expect_silence();
  probe.probe.answer(sent.message, protocol::ErrorReply{Code::cancelled, "", ""});
  probe.expect_failure(2, Code::cancelled);
  probe.probe.advance(Time(5'000));
  probe.probe.expect_silence();
}

TEST_CASE("a cancel is said again while its request is unanswered") {
  SessionProbe probe;
  probe.connect();
  probe.post(1, acquire());
  const auto sent = probe.probe.expect<protocol::AcquireLock>(control);
  probe.cancel(1);
  probe.probe.expect<protocol::Cancel>(control);
  probe.probe.advance(Time(1'400));
  const auto again = probe.probe.expect<protocol::Cancel>(control);
  CHECK(again.body.request_id == sent.message.header.request_id);
}

TEST_CASE("cancelling what is unknown or answered does nothing") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  probe.finish_stat(probe.expect_stat(), 1);
  probe.cancel(1);
  probe.cancel(99);
  probe.probe.expect_silence();
}

TEST_CASE("a refusal for now is tried again under the same id, after growing pauses") {
  const Code code = GENERATE(Code::overloaded, Code::window_exceeded, Code::shutting_down);
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  auto request = probe.expect_stat();
  const std::uint64_t id = request.header.request_id;
  Time last_pause(0);
  for (int i = 0; i < 5; ++i) {
    probe.probe.answer(request, protocol::ErrorReply{code, "", ""});
    probe.probe.expect_silence();
    Time pause(0);
    while (probe.probe.unexpected() == 0) {
      probe.probe.advance(Time(50));
      pause += Time(50);
    }
    CHECK(pause >= last_pause - Time(200));
    last_pause = pause;
    request = probe.expect_stat();
    CHECK(request.header.request_id == id);
  }
  CHECK(last_pause >= Time(1'000));
  probe.finish_stat(request, 1);
}

TEST_CASE("a refusal that lasts beyond the limit is the answer") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  const Time begin = probe.probe.now();
  while (probe.session.unanswered() > 0) {
    REQUIRE(probe.probe.now() - begin < Time(60'000));
    probe.probe.answer(probe.expect_stat(), protocol::ErrorReply{Code::overloaded, "", ""});
    if (probe.session.unanswered() == 0) break;
    while (probe.probe.unexpected() == 0) probe.probe.advance(Time(50));
  }
  CHECK(probe.probe.now() - begin >= Time(30'000));
  probe.expect_failure(1, Code::overloaded);
}

TEST_CASE("what is put off for long is told once, and again after an answer") {
  SessionProbe probe;
  const std::vector<std::string>& told = probe.told;
  probe.connect();
  const auto refuse = [&](const runtime::Message& request) {
    probe.probe.answer(request, protocol::ErrorReply{Code::overloaded, "", "no worker"});
  };
  for (std::size_t round = 1; round <= 2; ++round) {
    probe.stat(round);
    auto request = probe.expect_stat();
    // A short refusal is not worth a word.
    refuse(request);
    CHECK(told.size() == round - 1);
    for (int i = 0; i < 6; ++i) {
      while (probe.probe.unexpected() == 0) probe.probe.advance(Time(50));
      refuse(request = probe.expect_stat());
    }
    CHECK(told.size() == round);
    while (probe.probe.unexpected() == 0) probe.probe.advance(Time(50));
    probe.finish_stat(probe.expect_stat(), round);
  }
  CHECK(told.back() == "no worker");
}

TEST_CASE("a refused request that is cancelled is answered here") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  probe.probe.answer(probe.expect_stat(), protocol::ErrorReply{Code::overloaded, "", ""});
  probe.cancel(1);
  probe.expect_failure(1, Code::cancelled);
  probe.probe.advance(Time(5'000));
  probe.probe.expect_silence();
}

TEST_CASE("a version that does not fit ends everything") {
  SessionProbe probe;
  probe.stat(1);
  const auto hello = probe.probe.expect<protocol::Hello>(control);
  SECTION("as the server's error") {
    probe.probe.answer(hello.message, protocol::ErrorReply{Code::version_mismatch, "", "2 to 3"});
  }
  SECTION("as a welcome of another version") {
    auto other = welcome();
    other.version = 2;
    probe.probe.answer(hello.message, other);
  }
  SECTION("as a message that only a later version understands") {
    auto reply = runtime::make_reply(hello.message, protocol::Pong{});
    reply.header.type = protocol::Type::welcome;
    reply.header.version = 2;
    probe.probe.tell(std::move(reply));
  }
  probe.expect_failure(1, Code::version_mismatch);
  probe.stat(2);
  probe.expect_failure(2, Code::version_mismatch);
  probe.probe.advance(Time(60'000));
  probe.probe.expect_silence();
}

TEST_CASE("a hello that is refused for good ends everything, one refused for now does not") {
  SessionProbe probe;
  probe.stat(1);
  const auto hello = probe.probe.expect<protocol::Hello>(control);
  SECTION("for good") {
    probe.probe.answer(hello.message, protocol::ErrorReply{Code::bad_session, "", ""});
    probe.expect_failure(1, Code::bad_session);
    probe.probe.advance(Time(60'000));
    probe.probe.expect_silence();
  }
  SECTION("for now, until there is room") {
    probe.probe.answer(hello.message, protocol::ErrorReply{Code::overloaded, "", ""});
    probe.probe.expect_silence();
    probe.probe.advance(Time(1'200));
    probe.welcome_back(control, 1, false);
    probe.finish_stat(probe.expect_stat(), 1);
  }
  SECTION("for now, for too long") {
    probe.probe.answer(hello.message, protocol::ErrorReply{Code::overloaded, "", ""});
    probe.probe.advance(Time(5'400));
    while (probe.session.unanswered() > 0) probe.probe.advance(Time(100));
    probe.expect_failure(1, Code::overloaded);
  }
}

TEST_CASE("bye answers what is open, tells the server and then the application") {
  SessionProbe probe;
  probe.connect();
  probe.stat(1);
  probe.expect_stat();
  probe.post(9, protocol::Bye{});
  probe.expect_failure(1, Code::cancelled);
  const auto bye = probe.probe.expect<protocol::Bye>(control);
  probe.probe.expect_silence();
  SECTION("the server answers") {
    probe.probe.answer(bye.message, protocol::ByeReply{});
  }
  SECTION("the server does not") {
    probe.probe.advance(Time(800));
  }
  CHECK(probe.probe.expect<protocol::ByeReply>(application).message.stamp.job == 9);
  probe.stat(2);
  probe.expect_failure(2, Code::cancelled);
  probe.probe.expect_silence();
}

TEST_CASE("bye without a server is answered at once") {
  SessionProbe probe;
  probe.probe.advance(Time(0));
  probe.probe.expect<protocol::Hello>(control);
  probe.post(9, protocol::Bye{});
  CHECK(probe.probe.expect<protocol::ByeReply>(application).message.stamp.job == 9);
  probe.probe.advance(Time(60'000));
  probe.probe.expect_silence();
}

}  // namespace
}  // namespace sluice::tests
