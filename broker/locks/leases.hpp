// Times: until when a session lives, when a lock's lease ends, how long a waiter waits. Pure data,
// told the time by its caller; used by the lock actor's thread alone. Read on: lock_actor.hpp.
//
// A lock lives for its time to live from the last sign of its session, or from its own renewal if
// that is later. A sign costs O(1) however many locks the session has: alarms stay where they are,
// and those that ring too early are set anew. All locks that live by the signs of their session
// alone share one alarm, so that this costs nothing a lock either.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/locks/path_index.hpp"
#include "runtime/actor.hpp"

namespace sluice::broker::locks {

using runtime::never;
using runtime::Time;

class Leases {
 public:
  /// `lease_ms` is that of sessions of which nothing else is known yet.
  explicit Leases(std::uint32_t lease_ms) : default_lease_ms_(lease_ms) {}

  /// A sign of life, with what the session is called (empty: as before) and its lease (0: as
  /// before).
  void alive(std::uint64_t session, Time now, const std::string& name = {},
             std::uint32_t lease_ms = 0);
  /// As `alive`, but only for a session of which nothing is known.
  void meet(std::uint64_t session, Time now);
  /// The session is dead from here on (until `alive`); its locks go when their time is over.
  void end(std::uint64_t session);
  bool lives(std::uint64_t session, Time now) const;
  /// Known, and not alive any more. Of a session that is not known one cannot say.
  bool is_dead(std::uint64_t session, Time now) const {
    return sessions_.contains(session) && !lives(session, now);
  }
  /// Its name, or "session <16 hex digits>".
  std::string name(std::uint64_t session) const;
  std::uint32_t lease_ms(std::uint64_t session) const;

  /// A lock of a session that was met begins to live.
  void grant(Id lock, std::uint64_t session, std::uint32_t ttl_ms, Time now);
  /// A lock that belongs to no session: it lives by its own renewals alone.
  void grant_named(Id lock, std::uint32_t ttl_ms, Time now);
  /// From here on signs of its session count, too, for a lock that was restored.
  void renew(Id lock, Time now);
  /// A lock that was held before a restart: until `renew` no sign of its session counts. That of a
  /// named owner has session 0, and lives from `sign` on, which may be long past.
  void restore(Id lock, std::uint64_t session, std::uint32_t ttl_ms, Time sign);
  /// Nothing ends before `until`: nobody could be heard for a while.
  void forgive(Time until) { floor_ = std::max(floor_, until); }
  /// The lock is no more. Unknown ones too.
  void drop(Id lock);
  /// When its lease ends as things stand; `never` if unknown.
  Time ends(Id lock) const;

  /// A waiter gives up at that time. Once for each id.
  void wait_until(Id waiter, Time deadline);
  void stop_waiting(Id waiter);
  /// `never` if it has none.
  Time deadline(Id waiter) const;

  /// What has come to its end, each reported once, in the order of time. Sessions are ended by it;
  /// locks are no longer known here.
  struct Due {
    std::vector<std::uint64_t> sessions;
    std::vector<Id> locks;
    std::vector<Id> waiters;
  };
  Due take_due(Time now);
  /// When `take_due` may have something; perhaps too early, never too late.
  Time next() const { return alarms_.empty() ? never : alarms_.begin()->first; }

  std::size_t sessions() const { return sessions_.size(); }
  /// By how many different times to live the session's locks are kept apart.
  std::size_t alarm_groups(std::uint64_t session) const;

 private:
  /// `together`: the locks of a session that share an alarm.
  enum class Of : std::uint8_t { session, together, lock, waiter };
  using Alarm = std::pair<Time, std::pair<Of, std::uint64_t>>;
  struct Session {
    std::string name;
    Time sign{};
    std::uint32_t lease_ms = 0;
    bool ended = false;
    std::size_t locks = 0;
    Time alarm = never;
    /// Locks that had no sign of their own after the session's, by time to live.
    std::map<std::uint32_t, std::list<Id>> together;
    Time together_alarm = never;
  };
  struct Lock {
    std::uint64_t session = 0;
    std::uint32_t ttl_ms = 0;
    /// Whether signs of its session are signs of its own.
    bool by_session = true;
    Time sign{};
    /// Of its own; `never` while it shares that of its session.
    Time alarm = never;
    std::list<Id>::iterator place = {};
  };
  void add_lock(Id id, const Lock& lock);
  void await_end(Id id, Lock& lock);
  void leave_alarm(Id id, Lock& lock);
  void set_together_alarm(std::uint64_t id, Session& session);
  void take_together(std::uint64_t id, Time now, Due& due);
  Time ends(const Session& session) const;
  void set_alarm(Time& alarm, Time to, Of of, std::uint64_t id);
  Time ends(const Lock& lock) const;
  void forget_if_done(std::uint64_t session);

  std::uint32_t default_lease_ms_;
  Time floor_{};
  std::unordered_map<std::uint64_t, Session> sessions_;
  std::unordered_map<Id, Lock> locks_;
  std::unordered_map<Id, Time> deadlines_;
  std::set<Alarm> alarms_;
};

}  // namespace sluice::broker::locks
