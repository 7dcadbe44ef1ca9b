// The broker and requests: windows, repeats, who gets them, locks.
#include "tests/support/sim_storage.hpp"
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
namespace limits = protocol::limits;

TEST_CASE("a request goes to a worker as it came, and the answer back", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  Message request = runtime::make_message(room.ann, protocol::WriteChunk{{"id"}, 5, {"l"}}, 11);
  request.header.credit_bytes = 77;
  request.payload = protocol::Payload::of("bytes");
  const std::string body = request.body;
  room.probe.tell(std::move(request));
  const Message job = room.job_at<protocol::WriteChunk>(room.one);
  CHECK(job.header.request_id == 11);
  CHECK(job.header.credit_bytes == 77);
  CHECK(job.header.attempt == 0);
  CHECK(job.stamp.session == number_of("ann"));
  CHECK(job.stamp.job != 0);
  CHECK(job.body == body);
  CHECK(job.payload.text() == "bytes");

  Message reply = runtime::make_reply(job, protocol::ReadReply{{"leaves"}});
  reply.payload = protocol::Payload::of("answer");
  const char* sent = reply.payload.data();
  room.probe.tell(std::move(reply));
  const auto got = room.probe.expect<protocol::ReadReply>(room.ann);
  CHECK(got.message.header.request_id == 11);
  CHECK(got.body.leaves == "leaves");
  CHECK(got.message.payload.data() == sent);
  CHECK(room.broker.finished());
  room.probe.expect_silence();
}

TEST_CASE("a file in memory is answered without a worker, if that is wanted", "[broker]") {
  testing::SimStorage disk;
  disk.plant("a", "bytes");
  testing::SimSmallFiles files(disk);
  workers::CachedReader reader(files);
  BrokerConfig config = broker_config();
  config.reader = &reader;
  BrokerRoom room(config);
  room.join(room.ann, "ann");
  const auto get = [&](std::uint64_t id, const std::string& path) {
    Message request = runtime::make_message(room.ann, protocol::Get{path}, id);
    request.header.credit_bytes = 100;
    request.header.attempt = 3;
    room.probe.tell(std::move(request));
  };
  // Every second time this disk is cold: then it waits for a worker as any other request.
  get(1, "a");
  CHECK_FALSE(room.broker.finished());
  room.probe.expect_silence();
  get(2, "a");
  const auto reply = room.probe.expect<protocol::GetReply>(room.ann);
  CHECK(reply.message.header.request_id == 2);
  CHECK(reply.message.header.attempt == 0);
  CHECK(reply.message.payload.text() == "bytes");
  room.join_worker(room.one);
  CHECK(room.job_at<protocol::Get>(room.one).header.request_id == 1);
  // Who has not said hello gets nothing.
  room.probe.tell(room.bob, protocol::Get{"a"}, 3);
  room.probe.expect_error(room.bob, Code::hello_required);
  room.probe.expect_silence();
}

TEST_CASE("a worker's error is the client's answer", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 4);
  room.probe.tell(runtime::make_error(room.job_at(room.one), {Code::not_found, "a", "gone"}));
  const auto error = room.probe.expect_error(room.ann, Code::not_found);
  CHECK(error.message.header.request_id == 4);
  CHECK(error.body.path == "a");
  CHECK(error.body.detail == "gone");
}

TEST_CASE("a session may have so many requests under way", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.bob, "bob");
  for (std::uint64_t id = 1; id <= limits::window_requests; ++id) room.stat(room.ann, id);
  room.stat(room.ann, 1000);
  CHECK(room.probe.expect_error(room.ann, Code::window_exceeded).message.header.request_id == 1000);
  // Others have windows of their own, and an answer makes room.
  room.stat(room.bob, 1);
  room.probe.expect<protocol::Stat>(room.one);
  room.done(room.job_at(room.one));
  room.answered(room.ann, 2);
  room.stat(room.ann, 1000);
  room.stat(room.ann, 1001);
  CHECK(room.probe.expect_error(room.ann, Code::window_exceeded).message.header.request_id == 1001);
}

TEST_CASE("a session may have so many bytes under way, sent and asked for", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  constexpr std::size_t half = limits::window_bytes / 2;
  room.chunk(room.ann, 1, half);
  room.chunk(room.ann, 2, 0, half);
  const Message first = room.job_at<protocol::WriteChunk>(room.one);
  room.probe.expect<protocol::WriteChunk>(room.one);
  room.chunk(room.ann, 3, 1);
  room.probe.expect_error(room.ann, Code::window_exceeded);
  room.chunk(room.ann, 4, 0, 1);
  room.probe.expect_error(room.ann, Code::window_exceeded);
  room.stat(room.ann, 5);
  room.probe.expect<protocol::Stat>(room.one);
  room.done(first);
  room.answered(room.ann, 1);
  room.chunk(room.ann, 6, 100, half - 100);
  room.probe.expect<protocol::WriteChunk>(room.one);
  room.probe.expect_silence();
}

TEST_CASE("one request of more than the window is refused", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.chunk(room.ann, 1, 0, limits::window_bytes);
  room.probe.expect<protocol::WriteChunk>(room.one);
  room.join(room.bob, "bob");
  room.chunk(room.bob, 1, 1, limits::window_bytes);
  room.probe.expect_error(room.bob, Code::window_exceeded);
  room.chunk(room.bob, 2, 0, 0xffff'ffff);
  room.probe.expect_error(room.bob, Code::window_exceeded);
}

TEST_CASE("requests of all sessions under way are bounded", "[broker]") {
  BrokerRoom room;
  const std::size_t clients = limits::jobs / limits::window_requests;
  for (std::size_t i = 0; i < clients; ++i) {
    const Peer peer{Port::clients, std::to_string(i)};
    room.join(peer, std::to_string(i));
    for (std::uint64_t id = 1; id <= limits::window_requests; ++id) room.stat(peer, id);
  }
  room.probe.expect_silence();
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.probe.expect_error(room.ann, Code::overloaded);
}

TEST_CASE("a repeat of what is under way only changes where it is answered", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.ann_bulk, "ann", Connection::bulk);
  room.stat(room.ann, 1);
  const Message job = room.job_at(room.one);
  room.stat(room.ann, 1);
  room.stat(room.ann_bulk, 1);
  room.probe.expect_silence();
  room.done(job);
  room.answered(room.ann_bulk, 1);
  room.probe.expect_silence();
  // What was answered is begun anew.
  room.stat(room.ann, 1);
  room.job_at(room.one);
}

TEST_CASE("what was refused is not done when it is repeated", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.ann_bulk, "ann", Connection::bulk);
  const Code code = GENERATE(Code::wait_timeout, Code::overloaded);
  room.stat(room.ann, 1);
  room.probe.tell(runtime::make_error(room.job_at(room.one), {code, "a", "held"}));
  room.probe.expect_error(room.ann, code);
  room.stat(room.ann_bulk, 1);
  if (code == Code::overloaded) {
    room.job_at(room.one);
    return;
  }
  CHECK(room.probe.expect_error(room.ann_bulk, code).body.detail == "held");
  room.probe.expect_silence();
  // Only the last ones are remembered, and of another session nothing.
  for (std::uint64_t request = 2; request < 2 + broker::Refusals::most; ++request) {
    room.stat(room.ann, request);
    room.probe.tell(runtime::make_error(room.job_at(room.one), {code, "a", "held"}));
    room.probe.expect_error(room.ann, code);
  }
  room.stat(room.ann, 1);
  room.job_at(room.one);
}

TEST_CASE("a refusal whose client had no connection is not remembered", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  const Message job = room.job_at(room.one);
  room.probe.undelivered(runtime::make_message(room.ann, protocol::Pong{}),
                         runtime::Undelivered::gone);
  room.probe.tell(runtime::make_error(job, {Code::locked, "a", {}}));
  room.probe.expect_silence();
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.job_at(room.one);
}

TEST_CASE("the same request id of two sessions are two requests", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.bob, "bob");
  room.stat(room.ann, 1);
  room.stat(room.bob, 1);
  const Message first = room.job_at(room.one), second = room.job_at(room.one);
  CHECK(first.stamp.job != second.stamp.job);
  CHECK(first.stamp.session != second.stamp.session);
  room.done(second);
  room.answered(room.bob, 1);
  room.done(first);
  room.answered(room.ann, 1);
}

TEST_CASE("small requests stay with one worker, heavy ones spread", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join_worker(room.two);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.stat(room.ann, 2);
  room.job_at(room.one);
  room.job_at(room.one);
  room.copy(room.ann, 3);
  room.job_at<protocol::Copy>(room.two);
  room.stat(room.ann, 4);
  room.job_at(room.one);
  room.probe.expect_silence();
}

TEST_CASE("requests wait for a slot in order; one that is parked gives its slot back", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, true, 1);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  for (std::uint64_t id = 2; id <= 4; ++id) room.stat(room.ann, id);
  const Message first = room.job_at<protocol::Remove>(room.one);
  room.probe.expect_silence();
  room.parked(first);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  const Message second = room.job_at(room.one);
  CHECK(second.header.request_id == 2);
  room.probe.expect_silence();
  room.done(second);
  room.answered(room.ann, 2);
  const Message third = room.job_at(room.one);
  CHECK(third.header.request_id == 3);
  // The parked one ends while all slots are taken.
  room.probe.answer(first, protocol::RemoveReply{8});
  CHECK(room.probe.expect<protocol::RemoveReply>(room.ann).body.version == 8);
  room.probe.expect_silence();
  room.done(third);
  room.answered(room.ann, 3);
  CHECK(room.job_at(room.one).header.request_id == 4);
}

TEST_CASE("requests that came before any worker are given to the first one", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.stat(room.ann, 2);
  room.probe.expect_silence();
  room.join_worker(room.one);
  CHECK(room.job_at(room.one).header.request_id == 1);
  CHECK(room.job_at(room.one).header.request_id == 2);
}

TEST_CASE("requests about locks go to the lock actor, which hears first that the session lives",
          "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 5, 0}, 6);
  const auto alive = room.probe.expect<protocol::SessionAlive>(room.locks);
  CHECK(alive.message.stamp.session == number_of("ann"));
  CHECK(alive.body.name == "ann");
  CHECK(alive.body.lease_ms == 10'000);
  const auto acquire = room.probe.expect<protocol::AcquireLock>(room.locks);
  CHECK(acquire.message.stamp.session == number_of("ann"));
  CHECK(acquire.message.header.request_id == 6);
  CHECK(acquire.body.claims == std::vector<protocol::LockClaim>{{"a"}});
  CHECK(acquire.body.wait_ms == 5);
  room.probe.answer(acquire.message, protocol::AcquireLockReply{"12-34", 10'000});
  const auto reply = room.probe.expect<protocol::AcquireLockReply>(room.ann);
  CHECK(reply.message.header.request_id == 6);
  CHECK(reply.body.token == "12-34");
  // Once is all; what answers nothing is dropped.
  room.probe.answer(acquire.message, protocol::AcquireLockReply{"12-34", 10'000});
  room.probe.expect_silence();
  CHECK(room.broker.finished());
}

TEST_CASE("the first request about locks of any kind makes the session known", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.probe.tell(room.ann, protocol::ReleaseLock{"1-2"}, 1);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.answer(room.probe.expect<protocol::ReleaseLock>(room.locks).message,
                    protocol::ReleaseLockReply{});
  room.probe.expect<protocol::ReleaseLockReply>(room.ann);
  // From here on they are signs of life themselves.
  room.probe.advance(Time{50});
  room.probe.tell(room.ann, protocol::RenewLock{"1-2"}, 2);
  const auto renew = room.probe.expect<protocol::RenewLock>(room.locks);
  room.probe.tell(runtime::make_error(renew.message, {Code::fenced, {}, {}}));
  room.probe.expect_error(room.ann, Code::fenced);
  room.probe.tell(room.ann, protocol::ListLocks{"a", 0}, 3);
  room.probe.expect<protocol::ListLocks>(room.locks);
  room.probe.expect_silence();
}

TEST_CASE("the lock actor hears of every sign of a session with locks, one a millisecond",
          "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 0, 0}, 1);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.expect<protocol::AcquireLock>(room.locks);
  for (int again = 0; again < 2; ++again) {
    room.probe.tell(room.ann, protocol::Ping{}, 999'999);
    room.probe.expect<protocol::Pong>(room.ann);
    room.probe.expect_silence();
    room.live_on({room.ann}, Time{400});
    room.probe.expect<protocol::SessionAlive>(room.locks);
  }
}

TEST_CASE("a session whose change waits for a lock is kept alive at the lock actor", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  const Message job = room.job_at<protocol::Remove>(room.one);
  room.parked(job);
  CHECK(room.probe.expect<protocol::SessionAlive>(room.locks).message.stamp.session ==
        number_of("ann"));
  room.live_on({room.ann}, Time{400});
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.expect_silence();
}

TEST_CASE("a body larger than any request about files needs is refused", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.probe.tell(room.ann, protocol::Stat{std::string(limits::request_body_bytes, 'p')}, 1);
  room.probe.expect_error(room.ann, Code::too_large);
  room.probe.expect_silence();
}
