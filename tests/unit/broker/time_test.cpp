// The broker as time passes: sessions that end, what they leave, workers that do not come, clients
// that do not read.
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::SessionEnded;
using protocol::Sweep;
namespace limits = protocol::limits;

namespace {

void expect_sweep(BrokerRoom& room, const std::vector<std::uint64_t>& sessions) {
  const auto sweep = room.probe.expect<Sweep>(room.one);
  CHECK(sweep.body.sessions == sessions);
  CHECK_FALSE(sweep.body.all_but);
  CHECK(sweep.message.stamp.session == 0);
  room.probe.answer(sweep.message, protocol::SweepReply{});
}

// A worker, the sweep after the start is over, and ann with a session that ends in 10 s.
void settle(BrokerRoom& room) {
  room.join_worker(room.one);
  room.past_start_sweep(room.one, {});
  room.join(room.ann, "ann");
  room.probe.expect_silence();
}

}  // namespace

TEST_CASE("a session that is silent for longer than its lease ends", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.join(room.bob, "bob");
  room.live_on({room.bob}, Time{10'000});
  room.probe.expect_silence();
  room.live_on({room.bob}, Time{400});
  // It never used a lock, so the lock actor need not know.
  expect_sweep(room, {number_of("ann")});
  room.probe.expect_silence();
  room.stat(room.ann, 1);
  room.probe.expect_error(room.ann, Code::hello_required);
  room.stat(room.bob, 1);
  room.job_at(room.one);
  CHECK_FALSE(room.join(room.ann, "ann").resumed);
}

TEST_CASE("sessions that ended are swept again when a worker process comes", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.join(room.bob, "bob");
  room.live_on({room.bob}, Time{10'400});
  expect_sweep(room, {number_of("ann")});
  // It may have staged something for ann before it noticed that it had been given up.
  room.join_worker(room.two, false);
  room.probe.advance(Time{200});
  expect_sweep(room, {number_of("ann")});
  // Not if she is back.
  room.join(room.ann, "ann");
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.tell(room.two, BrokerRoom::worker_hello(false, 64));
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.probe.expect<protocol::WorkerKnown>(room.locks);
  room.probe.expect<protocol::WorkerWelcome>(room.two);
  room.probe.advance(Time{200});
  room.probe.expect_silence();
}

TEST_CASE("uploads that belong to no session are looked for now and then", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.live_on({room.ann}, Time{limits::upload_look_ms - 800});
  room.probe.expect_silence();
  room.live_on({room.ann}, Time{1'200});
  expect_sweep(room, {});
  room.live_on({room.ann}, Time{limits::upload_look_ms - 800});
  room.probe.expect_silence();
}

TEST_CASE("a sweep that failed is done again after a while", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.advance(Time{10'200});
  const auto failed = room.probe.expect<Sweep>(room.one);
  room.probe.tell(runtime::make_error(failed.message, {Code::io_error, {}, {}}));
  room.probe.advance(Time{4'800});
  room.probe.expect_silence();
  room.probe.advance(Time{400});
  expect_sweep(room, {number_of("ann")});
  room.probe.expect_silence();
}

TEST_CASE("who comes back while its leftovers are swept is welcomed after that", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.advance(Time{10'200});
  const auto sweep = room.probe.expect<Sweep>(room.one);
  room.probe.tell(room.ann, BrokerRoom::hello("ann"));
  room.probe.expect_silence();
  CHECK_FALSE(room.join(room.bob, "bob").resumed);
  room.probe.answer(sweep.message, protocol::SweepReply{});
  CHECK_FALSE(room.probe.expect<protocol::Welcome>(room.ann).body.resumed);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.expect_silence();
}

TEST_CASE("a sweep that hangs keeps nobody out for long", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.advance(Time{10'200});
  room.probe.expect<Sweep>(room.one);
  room.probe.tell(room.ann, BrokerRoom::hello("ann"));
  room.probe.advance(Time{800});
  room.probe.expect_silence();
  room.probe.advance(Time{300});
  room.probe.expect<protocol::Welcome>(room.ann);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.expect_silence();
}

TEST_CASE("a sweep that found no worker in time is done when one comes", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.probe.tell(room.ann, protocol::Bye{}, 1);
  room.probe.expect<protocol::ByeReply>(room.ann);
  room.probe.advance(Time{6'000});
  room.join_worker(room.one);
  room.probe.advance(Time{6'000});
  expect_sweep(room, {number_of("ann")});
  room.probe.expect_silence();
}

TEST_CASE("any message renews the lease", "[broker]") {
  BrokerRoom room;
  settle(room);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    room.probe.advance(Time{9'000});
    room.stat(room.ann, id);
    room.done(room.job_at(room.one));
    room.answered(room.ann, id);
  }
  room.probe.expect_silence();
}

TEST_CASE("a bye ends the session at once, and all it had under way", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 1'000, 0}, 1);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  const auto acquire = room.probe.expect<protocol::AcquireLock>(room.locks);
  room.probe.tell(room.ann, protocol::Bye{}, 2);
  room.probe.expect<protocol::ByeReply>(room.ann);
  const auto ended = room.probe.expect<SessionEnded>(room.locks);
  CHECK(ended.body.bye);
  CHECK(ended.message.stamp.session == number_of("ann"));
  expect_sweep(room, {number_of("ann")});
  CHECK(room.broker.finished());
  room.probe.answer(acquire.message, protocol::AcquireLockReply{"1-2", 1});
  room.stat(room.ann, 3);
  room.probe.expect_error(room.ann, Code::hello_required);
  room.probe.expect_silence();
}

TEST_CASE("the lock actor is told of a silent session without a bye", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.probe.tell(room.ann, protocol::ListLocks{}, 1);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 1'000, 0}, 2);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.expect<protocol::ListLocks>(room.locks);
  room.probe.expect<protocol::AcquireLock>(room.locks);
  room.probe.advance(Time{10'200});
  CHECK_FALSE(room.probe.expect<SessionEnded>(room.locks).body.bye);
  expect_sweep(room, {number_of("ann")});
  CHECK(room.broker.finished());
}

TEST_CASE("what is queued for a session that ends is not begun", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.join(room.bob, "bob");
  room.stat(room.ann, 1);
  room.stat(room.bob, 2);
  room.probe.tell(room.ann, protocol::Bye{}, 3);
  room.probe.expect<protocol::ByeReply>(room.ann);
  room.join_worker(room.one);
  CHECK(room.job_at(room.one).header.request_id == 2);
  expect_sweep(room, {number_of("ann")});
  room.probe.expect_silence();
}

TEST_CASE("what a session that ends has at workers is let run or stopped, and swept after",
          "[broker]") {
  BrokerRoom room;
  settle(room);
  room.remove(room.ann, 1);
  room.remove(room.ann, 2);
  room.remove(room.ann, 3);
  const Message runs = room.job_at<protocol::Remove>(room.one);
  const Message parks = room.job_at<protocol::Remove>(room.one);
  const Message waits = room.job_at<protocol::Remove>(room.one);
  room.parked(waits);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.tell(room.ann, protocol::Bye{}, 4);
  room.probe.expect<protocol::ByeReply>(room.ann);
  room.probe.expect<SessionEnded>(room.locks);
  CHECK(room.probe.expect<protocol::Cancel>(room.locks).body.request_id == 3);
  room.probe.expect_silence();
  room.parked(parks);
  CHECK(room.probe.expect<protocol::Cancel>(room.locks).body.request_id == 2);
  room.probe.answer(runs, protocol::RemoveReply{5});
  room.probe.tell(runtime::make_error(waits, {Code::cancelled, {}, {}}));
  room.probe.advance(Time{1'000});
  room.probe.expect_silence();
  room.probe.tell(runtime::make_error(parks, {Code::cancelled, {}, {}}));
  CHECK(room.broker.finished());
  room.probe.advance(Time{100});
  expect_sweep(room, {number_of("ann")});
  room.probe.expect_silence();
}

TEST_CASE("a session that comes back finds what still runs when it repeats it", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.remove(room.ann, 1);
  const Message runs = room.job_at<protocol::Remove>(room.one);
  room.probe.advance(Time{10'200});
  room.probe.expect_silence();
  CHECK_FALSE(room.join(room.ann, "ann").resumed);
  // She may have locks whose time is not over, and nothing of hers is refused for having ended.
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.remove(room.ann, 1);
  room.probe.expect_silence();
  // It is not an orphan any more: its commit may wait for a lock.
  room.parked(runs);
  room.probe.expect_silence();
  room.probe.answer(runs, protocol::RemoveReply{5});
  CHECK(room.probe.expect<protocol::RemoveReply>(room.ann).body.version == 5);
  room.probe.advance(Time{200});
  room.probe.expect_silence();
}

TEST_CASE("what ends late for a session that came back does not touch its window", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.chunk(room.ann, 1, 1'000);
  const Message runs = room.job_at<protocol::WriteChunk>(room.one);
  room.probe.advance(Time{10'200});
  room.join(room.ann, "ann");
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.done(runs);
  // Nobody asked again, and the session lives: no answer, no sweep.
  room.probe.advance(Time{200});
  room.probe.expect_silence();
  room.chunk(room.ann, 2, 0, limits::window_bytes);
  const Message whole = room.job_at<protocol::WriteChunk>(room.one);
  room.chunk(room.ann, 3, 1);
  room.probe.expect_error(room.ann, Code::window_exceeded);
  room.done(whole);
  room.answered(room.ann, 2);
  room.chunk(room.ann, 4, 1);
  room.job_at<protocol::WriteChunk>(room.one);
}

TEST_CASE("what was stopped with its session is begun anew when it is repeated", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.remove(room.ann, 1);
  const Message waits = room.job_at<protocol::Remove>(room.one);
  room.parked(waits);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.advance(Time{10'200});
  room.probe.expect<SessionEnded>(room.locks);
  room.probe.expect<protocol::Cancel>(room.locks);
  room.join(room.ann, "ann");
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.remove(room.ann, 1);
  const Message again = room.job_at<protocol::Remove>(room.one);
  CHECK(again.stamp.job != waits.stamp.job);
  room.probe.tell(runtime::make_error(waits, {Code::cancelled, {}, {}}));
  room.probe.expect_silence();
  room.probe.answer(again, protocol::RemoveReply{6});
  CHECK(room.probe.expect<protocol::RemoveReply>(room.ann).body.version == 6);
}

TEST_CASE("after a start, what no session came back for is swept once", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.live_on({room.ann}, Time{10'000});
  room.probe.expect_silence();
  room.probe.advance(Time{100});
  const auto sweep = room.probe.expect<Sweep>(room.one);
  CHECK(sweep.body.all_but);
  CHECK(sweep.body.sessions == std::vector{number_of("ann")});
  CHECK(sweep.message.stamp.session == 0);
  room.probe.answer(sweep.message, protocol::SweepReply{});
  room.live_on({room.ann}, Time{12'000});
  room.probe.expect_silence();
}

TEST_CASE("sweeps wait for the first worker", "[broker]") {
  BrokerRoom room;
  room.live_on({}, Time{60'000});
  room.probe.expect_silence();
  room.join(room.ann, "ann");
  room.join_worker(room.one);
  room.probe.advance(Time{100});
  const auto sweep = room.probe.expect<Sweep>(room.one);
  CHECK(sweep.body.all_but);
  CHECK(sweep.body.sessions == std::vector{number_of("ann")});
}

TEST_CASE("requests that no worker takes for 5 s are answered", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.probe.advance(Time{2'000});
  room.stat(room.ann, 2);
  room.probe.advance(Time{2'900});
  room.probe.expect_silence();
  room.probe.advance(Time{100});
  CHECK(room.probe.expect_error(room.ann, Code::overloaded).message.header.request_id == 1);
  room.probe.expect_silence();
  room.join_worker(room.one);
  CHECK(room.job_at(room.one).header.request_id == 2);
}

TEST_CASE("a lost job has the whole time to find another worker", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  room.job_at<protocol::Remove>(room.one);
  room.live_on({room.ann}, Time{8'000});
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.live_on({room.ann}, Time{4'000});
  room.probe.expect_silence();
  room.probe.advance(Time{1'200});
  room.probe.expect_error(room.ann, Code::overloaded);
}

TEST_CASE("an answer that finds no room is tried again until it does", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.stat(room.ann, 1);
  room.done(room.job_at(room.one));
  Message answer = room.answered(room.ann, 1);
  room.probe.undelivered(std::move(answer), Undelivered::full);
  room.probe.advance(Time{1});
  room.probe.expect_silence();
  for (int i = 0; i < 3; ++i) {
    room.probe.advance(Time{2});
    room.probe.undelivered(room.answered(room.ann, 1), Undelivered::full);
  }
  room.probe.advance(Time{2});
  room.answered(room.ann, 1);
  room.probe.advance(Time{200});
  room.probe.expect_silence();
}

TEST_CASE("of many answers that found no room some are tried at once, the rest soon after",
          "[broker]") {
  BrokerRoom room;
  settle(room);
  constexpr std::uint64_t many = broker::Outboxes::tries + 10;
  for (std::uint64_t id = 1; id <= many; ++id) {
    room.stat(room.ann, id);
    room.done(room.job_at(room.one));
    room.probe.undelivered(room.answered(room.ann, id), Undelivered::full);
  }
  room.probe.advance(Time{2});
  CHECK(room.probe.unexpected() == broker::Outboxes::tries);
  room.probe.advance(Time{2});
  for (std::uint64_t id = 1; id <= many; ++id) room.answered(room.ann, id);
  room.probe.advance(Time{50});
  room.probe.expect_silence();
}

TEST_CASE("a client that does not read is forgotten once its answers pile up", "[broker]") {
  BrokerRoom room;
  settle(room);
  const auto pile_up = [&](std::uint64_t id) {
    room.stat(room.ann, id);
    Message reply = runtime::make_reply(room.job_at(room.one), protocol::StatReply{});
    reply.payload = protocol::Payload::of(std::string(limits::outbox_bytes / 2, 'x'));
    room.probe.tell(std::move(reply));
    room.probe.undelivered(room.answered(room.ann, id), Undelivered::full);
  };
  pile_up(1);
  room.stat(room.ann, 9);
  const Message job = room.job_at(room.one);
  pile_up(2);
  // All that waited is dropped, and what still comes: it has to say hello and repeat what is open.
  room.done(job);
  room.probe.advance(Time{100});
  room.probe.expect_silence();
  room.stat(room.ann, 1);
  room.probe.expect_error(room.ann, Code::hello_required);
  CHECK(room.join(room.ann, "ann").resumed);
  room.stat(room.ann, 1);
  room.done(room.job_at(room.one));
  room.answered(room.ann, 1);
}

TEST_CASE("a client whose connection is gone is forgotten, its session is not", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.join(room.ann_bulk, "ann", Connection::bulk);
  room.stat(room.ann, 1);
  room.done(room.job_at(room.one));
  room.probe.undelivered(room.answered(room.ann, 1), Undelivered::gone);
  room.stat(room.ann, 1);
  room.probe.expect_error(room.ann, Code::hello_required);
  room.stat(room.ann_bulk, 1);
  room.done(room.job_at(room.one));
  room.answered(room.ann_bulk, 1);
  room.probe.advance(Time{100});
  room.probe.expect_silence();
}

TEST_CASE("a server that was stopped takes neither sessions nor workers for dead", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.join_worker(room.two, false);
  room.stat(room.ann, 1);
  const Message job = room.job_at(room.one);
  room.probe.stand_still(Time{60'000});
  room.probe.advance(Time{1'000});
  room.done(job);
  room.answered(room.ann, 1);
  room.stat(room.ann, 2);
  room.done(room.job_at(room.one));
  room.answered(room.ann, 2);
}

TEST_CASE("a new connection does not get what waited for the old one", "[broker]") {
  BrokerRoom room;
  settle(room);
  room.stat(room.ann, 1);
  room.done(room.job_at(room.one));
  room.probe.undelivered(room.answered(room.ann, 1), Undelivered::full);
  room.join({Port::clients, "ann again"}, "ann");
  room.probe.advance(Time{100});
  room.probe.expect_silence();
}
