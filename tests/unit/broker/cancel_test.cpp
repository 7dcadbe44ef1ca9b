// The broker and cancel: wherever the request is just then.
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::Cancel;
using protocol::CancelReply;

namespace {

void cancel(BrokerRoom& room, std::uint64_t id) {
  room.probe.tell(room.ann, Cancel{id}, 500);
  CHECK(room.probe.expect<CancelReply>(room.ann).message.header.request_id == 500);
}

// The lock actor is asked to stop it.
void expect_cancel(BrokerRoom& room, std::uint64_t id) {
  const auto cancel = room.probe.expect<Cancel>(room.locks);
  CHECK(cancel.message.stamp.session == number_of("ann"));
  CHECK(cancel.body.request_id == id);
  // Its answer is nobody's business.
  room.probe.answer(cancel.message, CancelReply{});
  room.probe.expect_silence();
}

}  // namespace

TEST_CASE("a request that is still queued ends at once", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.stat(room.ann, 2);
  cancel(room, 1);
  CHECK(room.probe.expect_error(room.ann, Code::cancelled).message.header.request_id == 1);
  room.join_worker(room.one);
  CHECK(room.job_at(room.one).header.request_id == 2);
  room.probe.expect_silence();
}

TEST_CASE("a request at a worker goes on, and is stopped if it comes to wait", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  room.stat(room.ann, 2);
  const Message job = room.job_at<protocol::Remove>(room.one), other = room.job_at(room.one);
  cancel(room, 1);
  cancel(room, 2);
  room.probe.expect_silence();
  room.done(other);
  room.answered(room.ann, 2);
  room.parked(job);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  expect_cancel(room, 1);
  room.probe.tell(runtime::make_error(job, {Code::cancelled, {}, {}}));
  room.probe.expect_error(room.ann, Code::cancelled);
}

TEST_CASE("the wish to cancel outlives a lost worker", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  room.job_at<protocol::Remove>(room.one);
  cancel(room, 1);
  room.join_worker(room.two);
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect<protocol::WorkerGone>(room.locks);
  room.parked(room.job_at<protocol::Remove>(room.two));
  room.probe.expect<protocol::SessionAlive>(room.locks);
  expect_cancel(room, 1);
}

TEST_CASE("a parked request and one at the lock actor are stopped there", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  room.parked(room.job_at<protocol::Remove>(room.one));
  room.probe.expect<protocol::SessionAlive>(room.locks);
  cancel(room, 1);
  expect_cancel(room, 1);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 1'000, 0}, 2);
  const auto acquire = room.probe.expect<protocol::AcquireLock>(room.locks);
  cancel(room, 2);
  expect_cancel(room, 2);
  room.probe.tell(runtime::make_error(acquire.message, {Code::cancelled, {}, {}}));
  CHECK(room.probe.expect_error(room.ann, Code::cancelled).message.header.request_id == 2);
}

TEST_CASE("what is not there is not stopped", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.bob, "bob");
  room.stat(room.bob, 7);
  const Message job = room.job_at(room.one);
  cancel(room, 7);
  room.probe.expect_silence();
  room.done(job);
  room.answered(room.bob, 7);
  Message message = runtime::make_message(room.ann, Cancel{7}, 8);
  message.body.clear();
  room.probe.tell(std::move(message));
  room.probe.expect_error(room.ann, Code::bad_message);
}
