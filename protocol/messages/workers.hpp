// Messages between the broker and its workers. Jobs themselves are the clients' messages, with a
// stamp. Plain data. Read on: docs/protocol.md, "Workers".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// A worker joins, or joins again after the broker forgot it.
struct WorkerHello {
  static constexpr Type type = Type::worker_hello;
  std::uint8_t version_min = 0;
  std::uint8_t version_max = 0;
  /// The identity of the root the worker has opened; must be the broker's.
  std::string root_identity;
  std::uint32_t slots = 0;
  std::string name;
  /// A thread of the broker's own process: silence is no sign of death.
  bool in_process = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version_min", s.version_min);
    v.must("version_max", s.version_max);
    v.must("root_identity", s.root_identity);
    v.must("slots", s.slots);
    v.may("name", s.name);
    v.may("in_process", s.in_process);
  }
};

struct WorkerWelcome {
  static constexpr Type type = Type::worker_welcome;
  std::uint8_t version = 0;
  /// Where the lock actor listens for this worker.
  std::string locks_endpoint;
  std::string root_identity;
  std::uint64_t epoch = 0;
  /// The worker's number, new with every welcome; said to the lock actor in `JoinLocks`.
  std::uint64_t worker = 0;
  std::uint32_t heartbeat_ms = 0;
  /// Puts that do not say their durability are relaxed.
  bool relaxed = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version", s.version);
    v.must("locks_endpoint", s.locks_endpoint);
    v.must("root_identity", s.root_identity);
    v.must("epoch", s.epoch);
    v.must("worker", s.worker);
    v.must("heartbeat_ms", s.heartbeat_ms);
    v.may("relaxed", s.relaxed);
  }
};

struct WorkerHeartbeat {
  static constexpr Type type = Type::worker_heartbeat;
  /// Workers of the same process that live as well; from its pulse, on a connection of its own.
  std::vector<std::uint64_t> workers;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("workers", s.workers);
  }
};
using WorkerHeartbeatReply = Empty<Type::worker_heartbeat_reply>;
/// A worker leaves in good order; what it has not answered goes to others.
using WorkerBye = Empty<Type::worker_bye>;
/// The job named in the stamp waits for somebody else's lock and holds no slot from here on.
using JobParked = Empty<Type::job_parked>;

/// A job of the broker's own: drop what ended sessions left in staging and snapshots, and what lies
/// in the trash. `sessions` are those that ended, or, with `all_but`, those that live.
struct Sweep {
  static constexpr Type type = Type::sweep;
  std::vector<std::uint64_t> sessions;
  bool all_but = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("sessions", s.sessions);
    v.may("all_but", s.all_but);
  }
};
using SweepReply = Empty<Type::sweep_reply>;

/// The first message of a welcomed worker to the lock actor. What comes from a worker that has not
/// joined, or that the broker has given up since, is refused with `hello_required`: so a worker
/// that wakes late cannot commit what was given to another.
struct JoinLocks {
  static constexpr Type type = Type::join_locks;
  std::uint64_t worker = 0;
  std::uint64_t epoch = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("worker", s.worker);
    v.must("epoch", s.epoch);
  }
};
using JoinLocksReply = Empty<Type::join_locks_reply>;

/// Broker to lock actor: this worker may join, or is given up.
template <Type wire_type>
struct WorkerNote {
  static constexpr Type type = wire_type;
  std::uint64_t worker = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("worker", s.worker);
  }
};
using WorkerKnown = WorkerNote<Type::worker_known>;
using WorkerGone = WorkerNote<Type::worker_gone>;

}  // namespace sluice::protocol
