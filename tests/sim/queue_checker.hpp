// Whether the lock actor is fair and in time, from what it hears and sends: who comes first goes
// first, who can go goes, no lock outlives its lease, nobody who is gone is given one. Keeps its
// own books of holders and waiters. Read on: lock_checker.hpp (what clients may rely on).
#pragma once

#include <map>
#include <string>

#include "protocol/token.hpp"
#include "tests/sim/claims.hpp"
#include "tests/sim/world.hpp"

namespace sluice::sim {

/// Marks what a canary says to the lock actor: checkers do not hear it.
inline constexpr const char* not_heard = "not heard";

class QueueChecker {
 public:
  explicit QueueChecker(World& world) : world_(world) {}

  /// Before the lock actor does anything about it.
  void hears(const Message& message);
  /// When the lock actor has sent it.
  void sends(const Message& message);
  /// The lock actor has done all that it can for now.
  void turn_ended();
  /// The lock actor's thread stands still until then, and may grant a grace of one lease.
  void on_pause(Time until, Time lease);
  /// Whoever held a lock holds it again from the next start on, for one lease more at least.
  void on_server_gone(bool power);
  void on_server_back(Time lease);
  /// A server begins. Numbers smaller than the first are of locks held since before, which a
  /// repeated request may be told of at any time.
  void on_server_begins(std::uint64_t epoch, std::uint64_t first_number) {
    epoch_ = epoch;
    first_number_ = first_number;
  }

  /// Whether somebody holds what conflicts.
  bool is_held(const Claims& claims) const;
  bool is_waiting(std::uint64_t session) const;
  /// Whether this lock is held, and is an exclusive one on all of that.
  bool covers(std::uint64_t number, const Claims& claims) const;

  /// How long the lock actor may let somebody wait in whose way nobody is.
  static constexpr Time patience{200};
  /// No lock of the workload lives longer without a sign.
  static constexpr Time longest_ttl{8'000};

 private:
  struct Session {
    Time sign{};
    Time lease = runtime::never;
    bool ended = false;
  };
  struct Held {
    RequestKey key;
    Claims claims;
    Time ttl{};
    Time sign{};
    bool named = false;
    bool downgraded = false;
    /// Its downgrade may be undone: the server says so only when it is asked.
    bool may_be_exclusive = false;
  };
  struct Waiting {
    std::uint64_t order = 0;
    Claims claims;
    /// Of a lock of a named owner: signs of the session do not renew it.
    bool named = false;
    bool is_commit = false;
    /// The lock that is to become exclusive, or 0.
    std::uint64_t upgrades = 0;
    /// Nothing but commits stands before it: none that comes later may pass.
    bool next_up = false;
    Time free_since = runtime::never;
  };
  enum class InTheWay : std::uint8_t { nobody, commits, others };

  void hears_client(const Message& message);
  void hears_convert(const Message& message);
  void hears_broker(const Message& message);
  void hears_worker(const Message& message);
  void drop_worker(std::uint64_t worker);
  void granted(const Message& message);
  void granted_again(const Message& message, const protocol::Token& token, Time ttl);
  void published(const Message& message);
  void begins_to_wait(const Message& message);
  bool is_dead(std::uint64_t session) const;
  Time ends(const Held& held) const;
  InTheWay in_the_way(const Waiting& waiting) const;
  std::uint64_t token_in(const Message& message) const;

  World& world_;
  std::uint64_t last_order_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t first_number_ = 0;
  Time grace_until_{};
  std::map<std::uint64_t, Session> sessions_;
  std::map<std::uint64_t, Held> held_;
  std::map<RequestKey, Waiting> waiting_;
  /// Which lock a request is about, and what it is to become.
  std::map<RequestKey, std::uint64_t> about_lock_;
  std::map<RequestKey, bool> to_shared_;
  struct Commit {
    Claims claims;
    std::string peer;
  };
  std::map<RequestKey, Commit> commits_;
  std::map<std::uint64_t, Claims> under_way_;
  std::map<std::string, std::uint64_t> workers_;
  /// Until then locks may be held that nobody was told of, or whose end was lost with the power.
  Time unsure_until_{};
  /// The ends of locks up to this number may have been lost.
  std::uint64_t last_given_ = 0;
  std::uint64_t unsure_up_to_ = 0;
  /// The lock journal is being synced, or could not be: what was granted or ended waits for that.
  bool syncing_ = false;
};

}  // namespace sluice::sim
