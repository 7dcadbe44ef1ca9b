// Sessions: who is connected, over which connections, what they have under way. A session is a
// secret said at hello, not a routing id; routing ids come and go with connections. Pure data, used
// by the broker alone. Read on: broker/broker.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/refusals.hpp"
#include "protocol/messages/session.hpp"
#include "runtime/actor.hpp"

namespace sluice::broker {

using protocol::Connection;
using runtime::Time;

struct Session {
  std::uint64_t number = 0;
  std::string name;
  Time lease{};
  Time last_seen{};
  /// When the lock actor was last told that the session lives; none while it never used a lock.
  std::optional<Time> told_locks;
  /// Routing ids by connection; empty while that connection is not there.
  std::array<std::string, 2> peers;
  /// What is under way: the client's request ids to the broker's jobs, and the bytes they may hold.
  std::map<std::uint64_t, std::uint64_t> jobs;
  std::size_t bytes = 0;
  Refusals refusals;

  std::string& peer(Connection connection) { return peers[static_cast<std::size_t>(connection)]; }
};

class Sessions {
 public:
  struct Found {
    Session* session = nullptr;
    Connection connection{};
  };
  /// The session a routing id belongs to; none if it has not said hello.
  std::optional<Found> by_peer(const std::string& peer);
  Session* find(std::uint64_t number);
  /// Makes the session if it is new.
  Session& open(std::uint64_t number);
  /// From here on `peer` is the session's connection; an older one is forgotten.
  void bind(Session& session, Connection connection, const std::string& peer);
  /// The connection is gone; the session stays.
  void forget_peer(const std::string& peer);
  void end(std::uint64_t number);
  /// Numbers of sessions that were silent for longer than their lease.
  std::vector<std::uint64_t> expired(Time now) const;
  std::vector<std::uint64_t> numbers() const;
  /// Their time begins anew.
  void all_seen(Time now);
  std::size_t size() const { return sessions_.size(); }

 private:
  struct Place {
    /// Stays where it is until it ends.
    Session* session = nullptr;
    Connection connection{};
  };
  std::map<std::uint64_t, Session> sessions_;
  std::unordered_map<std::string, Place> peers_;
};

}  // namespace sluice::broker
