// A broker with everybody around it played by the test: clients, workers and the lock actor. A
// client's session has the secret "ann" padded to 16 bytes. Read on: tests/support/actor_probe.hpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/locks.hpp"
#include "runtime/secrets.hpp"
#include "tests/support/actor_probe.hpp"

namespace sluice::tests {

using broker::Broker;
using broker::BrokerConfig;
using protocol::Code;
using protocol::Connection;
using runtime::Message;
using runtime::Peer;
using runtime::Port;
using runtime::Time;
using runtime::Undelivered;

inline std::string secret_of(std::string name) {
  name.resize(16, '.');
  return name;
}
inline std::uint64_t number_of(const std::string& name) {
  return runtime::session_number(secret_of(name));
}

inline BrokerConfig broker_config() {
  return {7, "root-1", "inproc://locks", "tcp://outside:1", 10'000, "sluiced test", nullptr};
}

class BrokerRoom {
 public:
  explicit BrokerRoom(const BrokerConfig& config = broker_config())
      : broker(config), probe(broker) {}

  const Peer locks{Port::locks, {}};
  const Peer ann{Port::clients, "ann control"};
  const Peer ann_bulk{Port::clients, "ann bulk"};
  const Peer bob{Port::clients, "bob control"};
  const Peer one{Port::workers, "one"};
  const Peer two{Port::workers, "two"};

  static protocol::Hello hello(const std::string& name,
                               Connection connection = Connection::control) {
    return {1, 1, {secret_of(name)}, connection, name, 0};
  }
  protocol::Welcome join(const Peer& peer, const std::string& name,
                         Connection connection = Connection::control) {
    probe.tell(peer, hello(name, connection));
    return probe.expect<protocol::Welcome>(peer).body;
  }

  static protocol::WorkerHello worker_hello(bool in_process, std::uint32_t slots) {
    return {1, 1, "root-1", slots, "worker", in_process};
  }
  /// The worker's number.
  std::uint64_t join_worker(const Peer& peer, bool in_process = true, std::uint32_t slots = 64) {
    probe.tell(peer, worker_hello(in_process, slots));
    const auto number = probe.expect<protocol::WorkerWelcome>(peer).body.worker;
    CHECK(probe.expect<protocol::WorkerKnown>(locks).body.worker == number);
    return number;
  }

  void stat(const Peer& client, std::uint64_t id) { probe.tell(client, protocol::Stat{"a"}, id); }
  void remove(const Peer& client, std::uint64_t id) {
    probe.tell(client, protocol::Remove{"a", false, {}}, id);
  }
  void copy(const Peer& client, std::uint64_t id) {
    probe.tell(client, protocol::Copy{"a", "b", {}}, id);
  }
  /// A request with a payload and credit.
  void chunk(const Peer& client, std::uint64_t id, std::size_t bytes,
             std::uint32_t credit_bytes = 0) {
    Message message = runtime::make_message(client, protocol::WriteChunk{}, id);
    message.payload = protocol::Payload::of(std::string(bytes, 'x'));
    message.header.credit_bytes = credit_bytes;
    probe.tell(std::move(message));
  }
  template <protocol::Fields M = protocol::Stat>
  Message job_at(const Peer& worker) {
    return probe.expect<M>(worker).message;
  }
  /// The worker has done a stat: the client is told.
  void done(const Message& job) {
    Message reply = runtime::make_reply(job, protocol::StatReply{});
    probe.tell(std::move(reply));
  }
  void parked(const Message& job) { probe.answer(job, protocol::JobParked{}); }
  Message answered(const Peer& client, std::uint64_t id) {
    Message reply = probe.expect<protocol::StatReply>(client).message;
    CHECK(reply.header.request_id == id);
    return reply;
  }
  /// Lets a session live on, and an outside worker.
  void live_on(const std::vector<Peer>& peers, Time by) {
    for (Time passed{0}; passed < by; passed += Time{400}) {
      probe.advance(Time{400});
      for (const Peer& peer : peers) {
        if (peer.port == Port::workers) {
          probe.tell(peer, protocol::WorkerHeartbeat{});
          probe.expect<protocol::WorkerHeartbeatReply>(peer);
        } else {
          probe.tell(peer, protocol::Ping{}, 999'999);
          probe.expect<protocol::Pong>(peer);
        }
      }
    }
  }
  /// The sweep after the start, answered, so that it is out of the way.
  void past_start_sweep(const Peer& worker, const std::vector<Peer>& living) {
    live_on(living, Time{10'400});
    const auto sweep = probe.expect<protocol::Sweep>(worker);
    CHECK(sweep.body.all_but);
    probe.answer(sweep.message, protocol::SweepReply{});
  }

  Broker broker;
  ActorProbe probe;
};

}  // namespace sluice::tests
