// The broker and clients that read slowly: what is read for them and not sent yet is bounded.
#include "protocol/messages/watch.hpp"
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
namespace limits = protocol::limits;

namespace {

constexpr std::uint32_t chunk = limits::chunk_bytes;
constexpr std::size_t chunks_a_session = limits::unsent_bytes_per_session / chunk;
constexpr std::size_t sessions_in_all =
    limits::unsent_bytes_in_all / limits::unsent_bytes_per_session;

void ask(BrokerRoom& room, const Peer& client, std::uint64_t id) {
  Message read = runtime::make_message(client, protocol::Read{"s", 0, chunk}, id);
  read.header.credit_bytes = chunk;
  room.probe.tell(std::move(read));
}

// The worker's answer as the client's connection gets it, which is sent when it goes out of scope.
Message answer(BrokerRoom& room, const Peer& client, const Message& job) {
  Message reply = runtime::make_reply(job, protocol::ReadReply{});
  reply.payload = protocol::Payload::of(std::string(chunk, 'x'));
  room.probe.tell(std::move(reply));
  return room.probe.expect<protocol::ReadReply>(client).message;
}

std::vector<Message> fill(BrokerRoom& room, const Peer& client) {
  std::vector<Message> unsent;
  for (std::uint64_t id = 1; id <= chunks_a_session; ++id) {
    ask(room, client, id);
    unsent.push_back(answer(room, client, room.job_at<protocol::Read>(room.one)));
  }
  return unsent;
}

}  // namespace

TEST_CASE("a client that does not read waits with its next reads", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.join(room.bob, "bob");
  std::vector<Message> unsent = fill(room, room.ann);
  ask(room, room.ann, 100);
  ask(room, room.ann, 101);
  room.probe.advance(Time{50});
  room.probe.expect_silence();
  // All else goes on: for her, and reads of others.
  room.stat(room.ann, 102);
  room.done(room.job_at(room.one));
  room.answered(room.ann, 102);
  ask(room, room.bob, 1);
  answer(room, room.bob, room.job_at<protocol::Read>(room.one));

  unsent.pop_back();
  room.probe.advance(Time{5});
  CHECK(room.job_at<protocol::Read>(room.one).header.request_id == 100);
  room.probe.expect_silence();
  unsent.clear();
  room.probe.advance(Time{5});
  CHECK(room.job_at<protocol::Read>(room.one).header.request_id == 101);
}

TEST_CASE("reads under way count like what is not sent", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  std::vector<Message> jobs;
  for (std::uint64_t id = 1; id <= chunks_a_session + 1; ++id) ask(room, room.ann, id);
  for (std::size_t i = 0; i < chunks_a_session; ++i)
    jobs.push_back(room.job_at<protocol::Read>(room.one));
  room.probe.expect_silence();
  // An error brings nothing that had to be sent.
  room.probe.tell(runtime::make_error(jobs[0], {Code::snapshot_gone, {}, {}}));
  room.probe.expect_error(room.ann, Code::snapshot_gone);
  room.probe.advance(Time{0});
  CHECK(room.job_at<protocol::Read>(room.one).header.request_id == chunks_a_session + 1);
}

// Their answers have all in the body: the digests of leaves alone 512 KiB.
TEST_CASE("large answers without a payload count as well", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  const protocol::ReadLeaves wanted{"s", 0, limits::leaves_in_answer};
  std::vector<Message> unsent;
  std::uint64_t id = 0;
  // A little more than was reckoned with, so that in the end there is no room for the least.
  constexpr std::size_t size = 586u << 10;
  for (std::size_t bytes = 0; bytes < limits::unsent_bytes_per_session; bytes += size) {
    room.probe.tell(room.ann, wanted, ++id);
    protocol::ReadLeavesReply reply;
    reply.leaves.resize(size);
    room.probe.answer(room.job_at<protocol::ReadLeaves>(room.one), reply);
    unsent.push_back(room.probe.expect<protocol::ReadLeavesReply>(room.ann).message);
  }
  room.probe.tell(room.ann, wanted, 100);
  room.probe.tell(room.ann, protocol::List{}, 101);
  room.probe.tell(room.ann, protocol::WriteStatus{}, 102);
  room.probe.tell(room.ann, protocol::ListLocks{}, 103);
  room.probe.tell(room.ann, protocol::Watch{}, 104);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  room.probe.advance(Time{50});
  room.probe.expect_silence();
  room.probe.tell(room.ann, protocol::Cancel{104}, 105);
  room.probe.expect<protocol::CancelReply>(room.ann);
  CHECK(room.probe.expect_error(room.ann, Code::cancelled).message.header.request_id == 104);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  unsent.clear();
  room.probe.advance(Time{5});
  room.probe.expect<protocol::ReadLeaves>(room.one);
  room.probe.expect<protocol::List>(room.one);
  room.probe.expect<protocol::WriteStatus>(room.one);
  CHECK(room.probe.expect<protocol::ListLocks>(room.locks).message.header.request_id == 103);
  room.probe.expect_silence();
}

TEST_CASE("a read that waits can be cancelled, and ends with its session", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  std::vector<Message> unsent = fill(room, room.ann);
  ask(room, room.ann, 100);
  room.probe.tell(room.ann, protocol::Cancel{100}, 101);
  room.probe.expect<protocol::CancelReply>(room.ann);
  CHECK(room.probe.expect_error(room.ann, Code::cancelled).message.header.request_id == 100);
  ask(room, room.ann, 102);
  room.probe.tell(room.ann, protocol::Bye{}, 103);
  room.probe.expect<protocol::ByeReply>(room.ann);
  room.probe.expect<protocol::Sweep>(room.one);
  unsent.clear();
  room.probe.advance(Time{5});
  room.probe.expect_silence();
}

TEST_CASE("where all together have much unsent, each may still have one read", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  std::vector<std::vector<Message>> unsent;
  for (std::size_t i = 0; i < sessions_in_all; ++i) {
    const Peer peer{Port::clients, "client " + std::to_string(i)};
    room.join(peer, std::to_string(i));
    unsent.push_back(fill(room, peer));
  }
  room.join(room.ann, "ann");
  ask(room, room.ann, 1);
  ask(room, room.ann, 2);
  CHECK(room.job_at<protocol::Read>(room.one).header.request_id == 1);
  room.probe.expect_silence();
  unsent.clear();
  room.probe.advance(Time{5});
  CHECK(room.job_at<protocol::Read>(room.one).header.request_id == 2);
}
