// Whether locks exclude: what the lock actor grants and lets through, against what clients may rely
// upon. A client may rely on a lock from when it hears of it until it gives it back, hears that it
// lost it, or its time to live has passed since it last sent something that was answered. Read on:
// truth.hpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/messages/commits.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/token.hpp"
#include "tests/sim/world.hpp"

namespace sluice::sim {

class LockChecker {
 public:
  explicit LockChecker(World& world) : world_(world) {}

  // --- at the lock actor ---
  void on_acquire(const Message& request);
  /// True if the number is a new one.
  bool on_granted(const Message& reply);
  void on_release(const Message& request);
  void on_released(const Message& reply);
  void on_publish(const Message& message);
  void on_published(const Message& message);
  /// Explicit locks outlive the server.
  void on_server_gone();

  // --- at the clients ---
  void holds(std::uint64_t session, std::uint64_t number, Time proven);
  void proven(std::uint64_t session, Time when);
  void lets_go(std::uint64_t number);
  void loses_all(std::uint64_t session);

  /// Whether the session was ever given a shared lock that it has not released.
  bool has_shared(std::uint64_t session) const;
  std::size_t grants() const { return grants_.size(); }

 private:
  using Claims = std::vector<protocol::LockClaim>;
  struct Grant {
    std::uint64_t session = 0;
    Claims claims;
    Time ttl{};
    bool released = false;
    /// What its client may believe.
    bool believed = false;
    Time proven{};
  };
  struct UnderWay {
    std::string what;
    Claims claims;
    std::uint64_t under = 0;
  };
  bool is_held(const Grant& grant) const;
  void check_token(const protocol::Commit& commit, std::uint64_t number, std::uint64_t session);

  World& world_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Claims> asked_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> releasing_;
  std::map<std::uint64_t, Grant> grants_;
  std::map<std::uint64_t, UnderWay> under_way_;
};

}  // namespace sluice::sim
