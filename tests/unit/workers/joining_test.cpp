// The worker and its standing: hello, welcome, joining the lock actor, heartbeats, the trash.
#include "tests/unit/workers/worker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::JoinLocks;
using protocol::WorkerHeartbeat;
using protocol::WorkerHello;

namespace {

protocol::ErrorReply error_of(Code code) {
  return {code, "root", "why"};
}

}  // namespace

TEST_CASE("a worker says hello, is welcomed and joins the lock actor", "[worker]") {
  WorkerRoom room({"host:1/2", 8, true});
  CHECK(room.worker.locks_endpoint().empty());
  room.probe.advance(Time{0});
  const auto hello = room.probe.expect<WorkerHello>(room.broker).body;
  CHECK(hello.version_min == 1);
  CHECK(hello.version_max == 1);
  CHECK(hello.root_identity == "sim-root");
  CHECK(hello.slots == 8);
  CHECK(hello.name == "host:1/2");
  CHECK(hello.in_process);
  room.welcome(33);
  CHECK(room.worker.locks_endpoint() == "inproc://locks");
  CHECK(room.worker.refused() == nullptr);
  room.joined();
  room.joined();
  room.probe.expect_silence();
}

TEST_CASE("a worker that hears nothing says hello again", "[worker]") {
  WorkerRoom room;
  room.probe.advance(Time{0});
  room.probe.expect<WorkerHello>(room.broker);
  for (int i = 0; i < 3; ++i) {
    room.probe.advance(Time{499});
    room.probe.expect_silence();
    room.probe.advance(Time{1});
    room.probe.expect<WorkerHello>(room.broker);
  }
}

TEST_CASE("a welcomed worker asks to join until it is let in", "[worker]") {
  WorkerRoom room;
  room.probe.advance(Time{0});
  room.probe.expect<WorkerHello>(room.broker);
  room.welcome(4);
  room.probe.advance(Time{49});
  room.probe.expect_silence();
  for (int i = 0; i < 3; ++i) {
    room.probe.advance(i == 0 ? Time{1} : Time{50});
    CHECK(room.probe.expect<JoinLocks>(room.locks).body.worker == 4);
    // The broker's word is still on its way to the lock actor.
    room.probe.tell(room.locks, error_of(Code::hello_required));
    room.probe.expect_silence();
  }
  room.joined();
  room.probe.advance(Time{300});
  room.probe.expect_silence();
}

TEST_CASE("a worker shows that it lives", "[worker]") {
  WorkerRoom room;
  room.join();
  for (int i = 0; i < 3; ++i) {
    room.probe.advance(Time{499});
    room.probe.expect_silence();
    room.probe.advance(Time{1});
    const auto beat = room.probe.expect<WorkerHeartbeat>(room.broker);
    room.probe.answer(beat.message, protocol::WorkerHeartbeatReply{});
    room.probe.expect_silence();
  }
}

TEST_CASE("a worker that waits for outcomes asks whether they can still reach it", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a", false, {}}, 1);
  const auto first = room.committed(1);
  room.probe.advance(Time{500});
  room.probe.expect<WorkerHeartbeat>(room.broker);
  const auto question = room.probe.expect<WorkerHeartbeat>(room.locks);
  room.probe.answer(question.message, protocol::WorkerHeartbeatReply{});
  room.probe.expect_silence();
  // The connection was lost and made anew: the lock actor does not know it.
  room.probe.advance(Time{500});
  room.probe.expect<WorkerHeartbeat>(room.broker);
  const auto again = room.probe.expect<WorkerHeartbeat>(room.locks);
  room.probe.tell(runtime::make_error(again.message, {Code::hello_required, {}, {}}));
  room.probe.advance(Time{50});
  room.probe.expect<JoinLocks>(room.locks);
  room.joined();
  CHECK(room.committed(1).message.stamp.job == first.message.stamp.job);
  room.outcome(first.message, 3);
  room.answered<protocol::RemoveReply>(1);
  room.probe.advance(Time{400});
  room.probe.expect_silence();
  room.probe.advance(Time{50});
  room.probe.expect<WorkerHeartbeat>(room.broker);
  room.probe.expect_silence();
}

TEST_CASE("a worker of another root or version is refused for good", "[worker]") {
  WorkerRoom room;
  room.probe.advance(Time{0});
  room.probe.expect<WorkerHello>(room.broker);
  room.probe.tell(room.broker, error_of(Code::overloaded));
  CHECK(room.worker.refused() == nullptr);
  const Code code = GENERATE(Code::wrong_root, Code::version_mismatch);
  room.probe.tell(room.broker, error_of(code));
  REQUIRE(room.worker.refused() != nullptr);
  CHECK(room.worker.refused()->code == code);
  CHECK(room.worker.refused()->detail == "why");
  room.probe.expect_silence();
}

TEST_CASE("what does not decode is no welcome and no error", "[worker]") {
  WorkerRoom room;
  room.probe.advance(Time{0});
  room.probe.expect<WorkerHello>(room.broker);
  for (const auto type : {protocol::Type::worker_welcome, protocol::Type::error}) {
    Message message;
    message.peer = room.broker;
    message.header.type = type;
    message.body = "no map";
    room.probe.tell(std::move(message));
  }
  CHECK(room.worker.refused() == nullptr);
  room.probe.expect_silence();
  room.welcome();
}

TEST_CASE("a worker that was given up says one hello, however often it is told", "[worker]") {
  WorkerRoom room;
  room.join();
  for (int i = 0; i < 10; ++i) room.probe.tell(room.broker, error_of(Code::hello_required));
  room.probe.expect<WorkerHello>(room.broker);
  room.probe.expect_silence();
  room.welcome(2);
  room.joined();
  // The next time it is given up is another matter.
  room.probe.tell(room.broker, error_of(Code::hello_required));
  room.probe.expect<WorkerHello>(room.broker);
  room.probe.expect_silence();
}

TEST_CASE("changes wait for the worker to join", "[worker]") {
  WorkerRoom room;
  room.probe.advance(Time{0});
  room.probe.expect<WorkerHello>(room.broker);
  room.welcome();
  room.ask(protocol::Remove{"a", false, {}}, 1);
  room.ask(protocol::Remove{"b", false, {}}, 2);
  room.disk.plant("c", "bytes");
  room.ask(protocol::Stat{"c"}, 3);
  room.answered<protocol::StatReply>(3);
  room.probe.expect_silence();
  room.joined();
  CHECK(room.committed(1).body.path == "a");
  CHECK(room.committed(2).body.path == "b");
  room.probe.expect_silence();
}

TEST_CASE("what the lock actor refused for want of a join is sent again after it", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a", false, {}}, 1);
  const auto first = room.committed(1);
  // Told once for each message that came too early.
  room.probe.tell(runtime::make_error(first.message, {Code::hello_required, {}, {}}));
  room.probe.tell(runtime::make_error(first.message, {Code::hello_required, {}, {}}));
  room.ask(protocol::Remove{"b", false, {}}, 2);
  room.probe.advance(Time{49});
  room.probe.expect_silence();
  room.probe.advance(Time{1});
  room.probe.expect<JoinLocks>(room.locks);
  room.joined();
  const auto again = room.committed(1);
  CHECK(again.message.stamp.job == first.message.stamp.job);
  CHECK(again.message.body == first.message.body);
  room.committed(2);
  room.outcome(again.message, 9);
  CHECK(room.answered<protocol::RemoveReply>(1).body.version == 9);
}

TEST_CASE("a worker that is welcomed anew has dropped all that was parked", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a", false, {}}, 1);
  const auto commit = room.committed(1);
  room.welcome(2);
  room.joined();
  room.outcome(commit.message, 5);
  room.probe.answer(commit.message, protocol::CommitWaiting{});
  room.probe.expect_silence();
  // A number is never used again for another job.
  room.ask(protocol::Remove{"a", false, {}}, 1, {{}, 0, 1});
  CHECK(room.committed(1, 1).message.stamp.job != commit.message.stamp.job);
}

TEST_CASE("a worker that leaves says so", "[worker]") {
  WorkerRoom room;
  room.join();
  runtime::Outbox outbox;
  room.worker.leave(outbox);
  const auto sent = outbox.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].header.type == protocol::Type::worker_bye);
  CHECK(sent[0].peer == room.broker);
}

TEST_CASE("the trash is emptied a piece at a time", "[worker]") {
  WorkerRoom room;
  const auto litter = [&](int count) {
    for (int i = 0; i < count; ++i) {
      room.disk.plant("d/" + std::to_string(i), std::string(leaf + 1, 'x'));
      REQUIRE(room.disk.remove("d/" + std::to_string(i), false).value());
    }
  };
  litter(10);
  room.join();
  // Four files a piece, the first of them when the worker wakes next.
  room.probe.advance(Time{52});
  CHECK(room.disk.trash().empty());
  litter(10);
  room.probe.advance(Time{2'000});
  // Nobody looks until a commit fills it.
  CHECK(room.disk.trash().size() == 10);
  while (room.probe.unexpected() > 0) room.probe.expect<WorkerHeartbeat>(room.broker);
  room.ask(protocol::Remove{"a", false, {}}, 1);
  room.outcome(room.committed(1).message, 4, true);
  room.answered<protocol::RemoveReply>(1);
  CHECK(room.disk.trash().size() == 10);
  room.probe.advance(Time{1});
  CHECK(room.disk.trash().size() == 6);
  room.probe.advance(Time{1});
  CHECK(room.disk.trash().size() == 2);
  room.probe.advance(Time{1});
  CHECK(room.disk.trash().empty());
}

TEST_CASE("a trash that cannot be emptied waits for the next commit that fills it", "[worker]") {
  WorkerRoom room;
  room.join();
  room.probe.advance(Time{100});
  room.disk.plant("a", std::string(leaf + 1, 'x'));
  REQUIRE(room.disk.remove("a", false).value());
  for (std::uint64_t id = 1; id <= 2; ++id) {
    if (id == 1) room.faults.fail_next(DiskCall::empty_trash, 1, Code::io_error);
    room.ask(protocol::Remove{"b", false, {}}, id);
    room.outcome(room.committed(id).message, 4, true);
    room.answered<protocol::RemoveReply>(id);
    room.probe.advance(Time{100});
    CHECK(room.disk.trash().size() == (id == 1 ? 1 : 0));
  }
}
