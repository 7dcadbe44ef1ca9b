// A worker with everybody around it played by the test: the broker, the lock actor, a disk in
// memory. Jobs are of session 5; the broker's handle for one is 1000 + request id. Read on:
// tests/support/actor_probe.hpp, tests/support/sim_storage.hpp.
#pragma once

#include <string>
#include <utility>

#include "protocol/digest.hpp"
#include "tests/support/actor_probe.hpp"
#include "tests/support/sim_storage.hpp"
#include "workers/worker.hpp"

namespace sluice::tests {

using protocol::Code;
using protocol::Payload;
using runtime::Message;
using runtime::Peer;
using runtime::Port;
using runtime::Time;
using testing::DiskCall;

inline constexpr std::uint64_t session = 5;
inline constexpr std::size_t leaf = protocol::limits::leaf_bytes;

/// So many bytes, no two leaves alike.
inline std::string bytes_of(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251 + i / leaf);
  return bytes;
}
inline protocol::Digest root_of(std::string_view bytes) {
  return protocol::root_of(protocol::leaves_of({bytes.data(), bytes.size()}));
}
inline std::string leaves_of(std::string_view bytes) {
  return protocol::leaves_of({bytes.data(), bytes.size()});
}
inline const std::string upload_id(16, 'u');

/// What a request is sent with besides its body.
struct With {
  std::string payload{};
  std::uint32_t credit_bytes = 0;
  std::uint16_t attempt = 0;
};

class WorkerRoom {
 public:
  explicit WorkerRoom(workers::WorkerConfig config = {"worker/1", 8, false})
      : disk(&faults), worker(std::move(config), disk), probe(worker) {}

  const Peer broker{Port::broker, {}};
  const Peer locks{Port::locks, {}};

  void welcome(std::uint64_t number = 1) {
    probe.tell(broker, protocol::WorkerWelcome{1, "inproc://locks", "sim-root", 7, number, 500});
    const auto join = probe.expect<protocol::JoinLocks>(locks).body;
    CHECK(join.worker == number);
    CHECK(join.epoch == 7);
  }
  void joined() { probe.tell(locks, protocol::JoinLocksReply{}); }
  /// From the first hello to the lock actor's answer.
  void join() {
    probe.advance(Time{0});
    probe.expect<protocol::WorkerHello>(broker);
    welcome();
    joined();
  }

  template <protocol::Fields M>
  void ask(const M& body, std::uint64_t id = 1, With with = {}) {
    Message message = runtime::make_message(broker, body, id, {session, 1000 + id, 0});
    message.header.attempt = with.attempt;
    message.header.credit_bytes = with.credit_bytes;
    message.payload = Payload::of(std::move(with.payload));
    probe.tell(std::move(message));
  }
  /// The answer to a job: under its request id, attempt and handle.
  template <protocol::Fields M>
  Received<M> answered(std::uint64_t id = 1, std::uint16_t attempt = 0) {
    auto reply = probe.expect<M>(broker);
    check_answers(reply.message, id, attempt);
    return reply;
  }
  protocol::ErrorReply refused(Code code, std::uint64_t id = 1, std::uint16_t attempt = 0) {
    auto reply = probe.expect_error(broker, code);
    check_answers(reply.message, id, attempt);
    return reply.body;
  }
  /// A commit that goes to the lock actor now.
  Received<protocol::Commit> committed(std::uint64_t id = 1, std::uint16_t attempt = 0) {
    auto commit = probe.expect<protocol::Commit>(locks);
    CHECK(commit.message.header.request_id == id);
    CHECK(commit.message.header.attempt == attempt);
    CHECK(commit.message.stamp.session == session);
    CHECK(commit.message.stamp.number == 0);
    return commit;
  }
  void outcome(const Message& commit, std::uint64_t version, bool trash = false) {
    protocol::CommitReply reply;
    reply.version = version;
    reply.trash = trash;
    probe.answer(commit, reply);
  }
  void failed(const Message& commit, Code code) {
    protocol::CommitReply reply;
    reply.code = static_cast<std::uint16_t>(code);
    reply.path = "where";
    reply.detail = "why";
    probe.answer(commit, reply);
  }
  /// A change that failed here: the first outcome is asked for, there is none, the own error
  /// counts.
  void refused_without_outcome(Code code, std::uint64_t id = 1) {
    const auto question = committed(id);
    CHECK(question.body.kind == protocol::ChangeKind::none);
    CHECK(question.body.staged.empty());
    CHECK(question.message.payload.empty());
    outcome(question.message, 0);
    refused(code, id);
  }

  /// Begins an upload of these bytes and sends them.
  void upload(const std::string& bytes, const std::string& path = "a") {
    ask(protocol::WriteBegin{{upload_id}, path, bytes.size()}, 900);
    answered<protocol::WriteBeginReply>(900);
    for (std::size_t at = 0; at < bytes.size(); at += protocol::limits::chunk_bytes) {
      const std::string chunk = bytes.substr(at, protocol::limits::chunk_bytes);
      ask(protocol::WriteChunk{{upload_id}, at, {leaves_of(chunk)}}, 901, {chunk});
      answered<protocol::WriteChunkReply>(901);
    }
  }
  bool staged(const std::string& name) const {
    const auto litter = disk.litter();
    return std::find(litter.begin(), litter.end(), "staging/" + name) != litter.end();
  }

  testing::SimFaults faults;
  testing::SimStorage disk;
  workers::Worker worker;
  ActorProbe probe;

 private:
  static void check_answers(const Message& reply, std::uint64_t id, std::uint16_t attempt) {
    CHECK(reply.header.request_id == id);
    CHECK(reply.header.attempt == attempt);
    CHECK(reply.stamp.session == session);
    CHECK(reply.stamp.job == 1000 + id);
  }
};

}  // namespace sluice::tests
