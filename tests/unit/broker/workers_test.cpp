// The broker and its workers: hello, silence, what they lose and what they answer too late.
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
namespace limits = protocol::limits;

namespace {

// The messages of one call, in the order they were sent.
std::vector<protocol::Type> types_of(runtime::Outbox& outbox) {
  std::vector<protocol::Type> types;
  for (const Message& message : outbox.take()) types.push_back(message.header.type);
  return types;
}

}  // namespace

TEST_CASE("a worker is welcomed and told where the lock actor is", "[broker]") {
  BrokerRoom room;
  const bool in_process = GENERATE(true, false);
  room.probe.tell(room.one, BrokerRoom::worker_hello(in_process, 4), 0);
  const auto welcome = room.probe.expect<protocol::WorkerWelcome>(room.one).body;
  CHECK(welcome.version == 1);
  CHECK(welcome.locks_endpoint == (in_process ? "inproc://locks" : "tcp://outside:1"));
  CHECK(welcome.root_identity == "root-1");
  CHECK(welcome.epoch == 7);
  CHECK(welcome.heartbeat_ms == limits::worker_heartbeat_ms);
  CHECK(room.probe.expect<protocol::WorkerKnown>(room.locks).body.worker == welcome.worker);
  CHECK(room.join_worker(room.two) != welcome.worker);
}

TEST_CASE("a worker of another root or version is refused", "[broker]") {
  BrokerRoom room;
  auto hello = BrokerRoom::worker_hello(false, 4);
  Code expected = Code::version_mismatch;
  SECTION("root") {
    hello.root_identity = "root-2", expected = Code::wrong_root;
  }
  SECTION("newer") {
    hello.version_min = hello.version_max = 2;
  }
  SECTION("older") {
    hello.version_min = hello.version_max = 0;
  }
  room.probe.tell(room.one, hello);
  room.probe.expect_error(room.one, expected);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.probe.expect_silence();
}

TEST_CASE("a worker's hello that does not decode is refused", "[broker]") {
  BrokerRoom room;
  Message hello = runtime::make_message(room.one, BrokerRoom::worker_hello(false, 4));
  hello.body.clear();
  room.probe.tell(std::move(hello));
  room.probe.expect_error(room.one, Code::bad_message);
}

TEST_CASE("slots are between one and the limit", "[broker]") {
  BrokerRoom room;
  const auto [asked, got] = GENERATE(std::pair{0u, 1u}, std::pair{9'999u, limits::worker_slots});
  room.join_worker(room.one, true, asked);
  room.join(room.ann, "ann");
  for (std::uint64_t id = 1; id <= 100; ++id) room.stat(room.ann, id);
  CHECK(room.probe.unexpected() == got);
}

TEST_CASE("workers the broker does not know have to say hello", "[broker]") {
  BrokerRoom room;
  room.probe.tell(room.one, protocol::WorkerHeartbeat{});
  room.probe.expect_error(room.one, Code::hello_required);
  room.probe.tell(room.one, protocol::StatReply{}, 1, {1, 1, 0});
  room.probe.expect_error(room.one, Code::hello_required);
  room.join_worker(room.one);
  room.probe.tell(room.one, protocol::WorkerHeartbeat{});
  room.probe.expect<protocol::WorkerHeartbeatReply>(room.one);
  // An answer to nothing is dropped.
  room.probe.tell(room.one, protocol::StatReply{}, 1, {1, 1, 0});
  room.probe.expect_silence();
}

TEST_CASE("the lock actor hears of a lost worker before another gets its jobs", "[broker]") {
  Broker broker(broker_config());
  runtime::Outbox outbox;
  const Time start{1'000};
  const auto tell = [&](const Peer& from, const auto& body, Time now) {
    broker.on_message(runtime::make_message(from, body, 1), now, outbox);
  };
  const BrokerRoom names;
  tell(names.one, BrokerRoom::worker_hello(false, 4), start);
  tell(names.ann, BrokerRoom::hello("ann"), start);
  tell(names.ann, protocol::Stat{"a"}, start);
  tell(names.two, BrokerRoom::worker_hello(true, 4), start);
  for (Time now = start; now <= start + Time{limits::worker_silence_ms}; now += Time{100}) {
    outbox.take();
    broker.on_tick(now, outbox);
  }
  // Not dead yet: looked after.
  CHECK(types_of(outbox) == std::vector{protocol::Type::worker_heartbeat_reply});
  broker.on_tick(start + Time{limits::worker_silence_ms + 100}, outbox);
  CHECK(types_of(outbox) == std::vector{protocol::Type::worker_gone, protocol::Type::stat});
}

TEST_CASE("jobs of a silent worker go to another with a higher attempt", "[broker]") {
  BrokerRoom room;
  const auto number = room.join_worker(room.one, false);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  room.chunk(room.ann, 2, 10);
  room.stat(room.ann, 3);
  const Message first = room.job_at<protocol::Remove>(room.one);
  const Message second = room.job_at<protocol::WriteChunk>(room.one);
  room.job_at(room.one);
  room.parked(first);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.advance(Time{3'200});
  CHECK(room.probe.expect<protocol::WorkerGone>(room.locks).body.worker == number);
  while (room.probe.unexpected() > 0) room.probe.expect<protocol::WorkerHeartbeatReply>(room.one);
  room.stat(room.ann, 4);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.join_worker(room.two, false);
  // Oldest first, before those that never had a worker, the parked one among them.
  const Message again = room.job_at<protocol::Remove>(room.two);
  CHECK(again.header.attempt == 1);
  CHECK(again.stamp.job == first.stamp.job);
  CHECK(again.body == first.body);
  const Message chunk = room.job_at<protocol::WriteChunk>(room.two);
  CHECK(chunk.header.attempt == 1);
  CHECK(chunk.payload.data() == second.payload.data());
  CHECK(room.job_at(room.two).header.request_id == 3);
  const Message fresh = room.job_at(room.two);
  CHECK(fresh.header.request_id == 4);
  CHECK(fresh.header.attempt == 0);
  // The lost one wakes and answers.
  room.probe.answer(first, protocol::RemoveReply{5});
  room.probe.expect_error(room.one, Code::hello_required);
  room.join_worker(room.one, false);
  room.probe.answer(first, protocol::RemoveReply{5});
  room.parked(second);
  room.probe.expect_silence();
  room.probe.answer(again, protocol::RemoveReply{6});
  const auto reply = room.probe.expect<protocol::RemoveReply>(room.ann);
  CHECK(reply.body.version == 6);
  CHECK(reply.message.header.attempt == 0);
}

TEST_CASE("a silent worker whose process has a pulse keeps its jobs", "[broker]") {
  const Peer pulse{Port::workers, "pulse"};
  BrokerRoom room;
  const auto number = room.join_worker(room.one, false);
  room.join(room.ann, "ann");
  room.copy(room.ann, 1);
  const Message copy = room.job_at<protocol::Copy>(room.one);
  for (Time silent{0}; silent < Time{5'000}; silent += Time{500}) {
    room.probe.advance(Time{500});
    room.probe.tell(pulse, protocol::WorkerHeartbeat{{number, 99}});
  }
  room.probe.expect_silence();
  // A process that is stopped has none.
  room.probe.advance(Time{3'200});
  CHECK(room.probe.expect<protocol::WorkerGone>(room.locks).body.worker == number);
  while (room.probe.unexpected() > 0) room.probe.expect<protocol::WorkerHeartbeatReply>(room.one);
}

TEST_CASE("a worker that says hello anew gets its jobs again", "[broker]") {
  BrokerRoom room;
  const auto number = room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  const Message old = room.job_at(room.one);
  room.probe.tell(room.one, BrokerRoom::worker_hello(true, 1));
  CHECK(room.probe.expect<protocol::WorkerGone>(room.locks).body.worker == number);
  CHECK(room.probe.expect<protocol::WorkerKnown>(room.locks).body.worker != number);
  room.probe.expect<protocol::WorkerWelcome>(room.one);
  const Message job = room.job_at(room.one);
  CHECK(job.header.attempt == 1);
  // A late answer of the old attempt neither counts nor frees the slot of the new one.
  room.done(old);
  room.stat(room.ann, 2);
  room.probe.expect_silence();
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.join_worker(room.two);
  const Message again = room.job_at(room.two);
  CHECK(again.stamp.job == job.stamp.job);
  CHECK(again.header.attempt == 2);
  room.done(again);
  room.answered(room.ann, 1);
}

TEST_CASE("a worker that says goodbye leaves its jobs to others", "[broker]") {
  BrokerRoom room;
  const auto number = room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.job_at(room.one);
  room.join_worker(room.two);
  room.probe.tell(room.one, protocol::WorkerBye{});
  CHECK(room.probe.expect<protocol::WorkerGone>(room.locks).body.worker == number);
  CHECK(room.job_at(room.two).header.attempt == 1);
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect_error(room.one, Code::hello_required);
  room.probe.expect_silence();
}

TEST_CASE("a worker that a job cannot be delivered to is given up at once", "[broker]") {
  BrokerRoom room;
  const auto number = room.join_worker(room.one, false);
  room.join_worker(room.two, false);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  Message job = room.job_at(room.one);
  room.probe.undelivered(std::move(job), GENERATE(Undelivered::gone, Undelivered::full));
  CHECK(room.probe.expect<protocol::WorkerGone>(room.locks).body.worker == number);
  CHECK(room.job_at(room.two).header.attempt == 1);
  room.probe.expect_silence();
}

TEST_CASE("a worker that misses heartbeats is looked after, and given up when it is gone",
          "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, false);
  room.probe.advance(Time{1'000});
  room.probe.expect_silence();
  room.probe.advance(Time{100});
  Message word = room.probe.expect<protocol::WorkerHeartbeatReply>(room.one).message;
  room.probe.undelivered(std::move(word), Undelivered::gone);
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.probe.advance(Time{2'500});
  room.probe.expect_silence();
}

TEST_CASE("any sign of a worker keeps it", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, false);
  room.live_on({room.one}, Time{9'600});
  room.probe.expect_silence();
}

TEST_CASE("a job that several workers were lost over is given up", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  for (std::uint16_t attempt = 0; attempt < 5; ++attempt) {
    room.join_worker(room.one, false);
    Message job = room.job_at(room.one);
    CHECK(job.header.attempt == attempt);
    room.probe.undelivered(std::move(job), Undelivered::gone);
    room.probe.expect<protocol::WorkerGone>(room.locks);
  }
  room.probe.expect_error(room.ann, Code::io_error);
  room.join_worker(room.one, false);
  room.probe.expect_silence();
  CHECK(room.broker.finished());
}

TEST_CASE("a job is not given up because workers come and go in good order", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, false);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.job_at(room.one);
  for (std::uint16_t attempt = 1; attempt < 20; ++attempt) {
    if (attempt % 2 == 0) {
      room.probe.tell(room.one, protocol::WorkerBye{});
      room.probe.expect<protocol::WorkerGone>(room.locks);
      room.join_worker(room.one, false);
    } else {
      room.probe.tell(room.one, BrokerRoom::worker_hello(false, 4));
      room.probe.expect<protocol::WorkerGone>(room.locks);
      room.probe.expect<protocol::WorkerKnown>(room.locks);
      room.probe.expect<protocol::WorkerWelcome>(room.one);
    }
    CHECK(room.job_at(room.one).header.attempt == attempt);
  }
  room.probe.expect_silence();
}

TEST_CASE("threads of the broker's process are never given up for their silence", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, true);
  room.join(room.ann, "ann");
  room.live_on({room.ann}, Time{9'600});
  room.stat(room.ann, 1);
  const Message job = room.job_at(room.one);
  CHECK(job.header.attempt == 0);
  room.probe.expect_silence();
}
