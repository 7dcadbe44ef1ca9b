// The broker and a full disk: what a worker found no room for is tried again once the publisher has
// made some, and the client hears nothing of it.
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::Checkpoint;
using protocol::CheckpointReply;

namespace {

struct FullDisk : BrokerRoom {
  FullDisk() {
    join_worker(one);
    join(ann, "ann");
  }
  Message begin(std::uint64_t id) {
    probe.tell(ann, protocol::WriteBegin{{"u"}, "a", 1000}, id);
    return job_at<protocol::WriteBegin>(one);
  }
  void no_space(const Message& job) {
    probe.tell(runtime::make_error(job, {Code::no_space, "a", {}}));
  }
  Message asked_for_room() {
    auto asked = probe.expect<Checkpoint>(locks);
    CHECK(asked.body.full_disk);
    return std::move(asked.message);
  }
};

}  // namespace

TEST_CASE("an upload that finds no room is begun again when room was made", "[broker]") {
  FullDisk room;
  const Message first = room.begin(1);
  room.no_space(first);
  const Message asked = room.asked_for_room();
  room.probe.expect_silence();
  room.probe.answer(asked, CheckpointReply{3, true});
  const Message second = room.job_at<protocol::WriteBegin>(room.one);
  CHECK(second.header.attempt == first.header.attempt + 1);
  SECTION("and there is some") {
    room.probe.answer(second, protocol::WriteBeginReply{});
    CHECK(room.probe.expect<protocol::WriteBeginReply>(room.ann).message.header.request_id == 1);
  }
  SECTION("and there is still none") {
    room.no_space(second);
    CHECK(room.probe.expect_error(room.ann, Code::no_space).body.path == "a");
  }
  room.probe.expect_silence();
  CHECK(room.broker.finished());
}

TEST_CASE("a commit that found no room was tried again by the publisher", "[broker]") {
  FullDisk room;
  room.remove(room.ann, 1);
  room.no_space(room.job_at<protocol::Remove>(room.one));
  room.probe.expect_error(room.ann, Code::no_space);
  room.probe.expect_silence();
}

TEST_CASE("while room is made a request can be cancelled, and the server ended", "[broker]") {
  FullDisk room;
  room.no_space(room.begin(1));
  const Message asked = room.asked_for_room();
  SECTION("cancelled") {
    room.probe.tell(room.ann, protocol::Cancel{1}, 500);
    room.probe.expect<protocol::CancelReply>(room.ann);
    room.probe.expect_silence();
    room.probe.answer(asked, CheckpointReply{3, true});
    room.probe.expect_error(room.ann, Code::cancelled);
  }
  SECTION("ended") {
    runtime::Outbox outbox;
    room.broker.begin_shutdown(room.probe.now(), outbox);
    CHECK(room.broker.finished());
    room.probe.answer(asked, CheckpointReply{3, true});
  }
  room.probe.expect_silence();
}
