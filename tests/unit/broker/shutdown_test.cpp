// The broker's end: what is refused, what is answered, what is still finished.
#include "protocol/messages/watch.hpp"
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;

namespace {

void begin_shutdown(BrokerRoom& room, std::vector<Message>& sent) {
  runtime::Outbox outbox;
  room.broker.begin_shutdown(room.probe.now(), outbox);
  sent = outbox.take();
}

}  // namespace

TEST_CASE("a shutdown answers what waits and finishes what runs", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one, true, 2);
  room.join(room.ann, "ann");
  room.remove(room.ann, 1);
  const Message parked = room.job_at<protocol::Remove>(room.one);
  room.parked(parked);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.stat(room.ann, 2);
  room.stat(room.ann, 3);
  const Message runs = room.job_at(room.one), lost = room.job_at(room.one);
  room.stat(room.ann, 4);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 1'000, 0}, 5);
  room.probe.expect<protocol::AcquireLock>(room.locks);
  room.probe.tell(room.ann, protocol::Watch{"a", false, 7, 1'000}, 7);
  room.probe.expect<protocol::Watch>(room.locks);

  std::vector<Message> sent;
  begin_shutdown(room, sent);
  std::vector<std::uint64_t> refused, cancelled;
  for (const Message& message : sent) {
    if (message.peer == room.locks) {
      const auto cancel = protocol::decode<protocol::Cancel>(message.body);
      REQUIRE(cancel);
      cancelled.push_back(cancel->request_id);
    } else {
      CHECK(message.peer == room.ann);
      CHECK(protocol::decode<protocol::ErrorReply>(message.body)->code == Code::shutting_down);
      refused.push_back(message.header.request_id);
    }
  }
  CHECK(refused == std::vector<std::uint64_t>{1, 4, 5, 7});
  CHECK(cancelled == std::vector<std::uint64_t>{1, 5, 7});
  CHECK_FALSE(room.broker.finished());
  CHECK(room.broker.unfinished().size() == 2);
  CHECK(room.broker.unfinished()[0].find("stat of session ") == 0);

  // New ones are refused, repeats of what runs are not; hellos are.
  room.stat(room.ann, 6);
  CHECK(room.probe.expect_error(room.ann, Code::shutting_down).message.header.request_id == 6);
  room.stat(room.ann, 2);
  room.probe.tell(room.bob, BrokerRoom::hello("bob"));
  room.probe.expect_error(room.bob, Code::shutting_down);
  room.probe.expect_silence();

  // A worker that answers what was refused meanwhile, one that leaves what another then finishes.
  room.probe.answer(parked, protocol::RemoveReply{4});
  room.probe.expect_silence();
  room.done(runs);
  room.answered(room.ann, 2);
  room.join_worker(room.two);
  room.probe.tell(room.one, protocol::WorkerBye{});
  room.probe.expect<protocol::WorkerGone>(room.locks);
  const Message again = room.job_at(room.two);
  CHECK(again.stamp.job == lost.stamp.job);
  room.done(again);
  room.answered(room.ann, 3);
  CHECK(room.broker.finished());
  CHECK(room.broker.unfinished().empty());
}

TEST_CASE("a shutdown sweeps nothing, and beginning it again changes nothing", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  std::vector<Message> sent;
  begin_shutdown(room, sent);
  CHECK(sent.empty());
  room.probe.tell(room.ann, protocol::Bye{});
  room.probe.expect<protocol::ByeReply>(room.ann);
  room.probe.advance(Time{15'000});
  begin_shutdown(room, sent);
  CHECK(sent.empty());
  room.probe.expect_silence();
  CHECK(room.broker.finished());
}
