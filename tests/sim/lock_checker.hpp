// Whether locks exclude: what the lock actor grants and lets through, against what clients may rely
// upon. A client may rely on a lock from when it hears of it until it gives it back, hears that it
// lost it, or its time to live has passed since it last sent something that was answered. After a
// restart of the server that time stands still until the lock itself is confirmed, as in
// client/held_locks.hpp. Read on: truth.hpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/token.hpp"
#include "tests/sim/claims.hpp"
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
  /// Conversion or breaking of a lock; what is asked, and that it was done.
  void on_convert(const Message& request);
  void on_converted(const Message& reply);
  void on_break(const Message& request);
  void on_broken(const Message& reply);
  void on_publish(const Message& message);
  void on_published(const Message& message);
  /// Explicit locks outlive the server.
  void on_server_gone(bool power);

  // --- at the clients ---
  void holds(std::uint64_t session, std::uint64_t number, Time proven, Time asked);
  void proven(std::uint64_t session, Time when);
  /// It has met a server that was restarted: what it sends proves nothing of the locks it has.
  void doubts_all(std::uint64_t session);
  /// The restarted server has said that it knows this one.
  void confirmed(std::uint64_t session, std::uint64_t number, Time when);
  void lets_go(std::uint64_t number);
  void loses_all(std::uint64_t session);

  /// From when on its client could not rely on a lock that it has heard of.
  Time ended(std::uint64_t number) const;

  /// Whether the session was ever given a shared lock that it has not released.
  bool has_shared(std::uint64_t session) const;
  /// Whether its client may rely on this lock.
  bool is_believed(std::uint64_t number) const {
    const auto found = grants_.find(number);
    return found != grants_.end() && is_held(found->second);
  }
  std::size_t grants() const { return grants_.size(); }

 private:
  struct Grant {
    std::uint64_t session = 0;
    Claims claims;
    Time ttl{};
    /// Belongs to a name and not to the session.
    bool named = false;
    /// Grants, upgrades and changes counted: when it became what it is.
    std::uint64_t turn = 0;
    bool released = false;
    /// Held over a restart.
    bool restored = false;
    /// What its client may believe.
    bool believed = false;
    /// Not confirmed by a restarted server yet.
    bool doubted = false;
    Time proven{};
    /// When its client ceased to believe in it, if that was before the lease was over.
    Time ended = runtime::never;
  };
  struct UnderWay {
    std::string what;
    Claims claims;
    std::uint64_t under = 0;
  };
  struct Change {
    std::uint64_t turn = 0;
    UnderWay change;
  };
  bool is_held(const Grant& grant) const;
  void stop_believing(Grant& grant);
  void check_exclusion(std::uint64_t number, const Claims& claims) const;
  void check_token(const protocol::Commit& commit, std::uint64_t number, std::uint64_t session);

  World& world_;
  struct Asked {
    Claims claims;
    bool named = false;
  };
  std::map<RequestKey, Asked> asked_;
  std::map<RequestKey, std::uint64_t> about_lock_;
  std::map<RequestKey, bool> to_shared_;
  std::uint64_t turn_ = 0;
  std::map<std::uint64_t, Grant> grants_;
  std::map<std::uint64_t, UnderWay> under_way_;
  std::vector<Change> changes_;
};

}  // namespace sluice::sim
