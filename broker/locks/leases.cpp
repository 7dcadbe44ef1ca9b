// Sessions, leases and deadlines: see leases.hpp.
#include "broker/locks/leases.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::broker::locks {

// Moves an alarm; `never` takes it away.
void Leases::set_alarm(Time& alarm, Time to, Of of, std::uint64_t id) {
  if (alarm != never) alarms_.erase({alarm, {of, id}});
  if (to != never) alarms_.insert({to, {of, id}});
  alarm = to;
}

void Leases::alive(std::uint64_t session, Time now, const std::string& name,
                   std::uint32_t lease_ms) {
  Session& known = sessions_[session];
  if (known.lease_ms == 0) known.lease_ms = default_lease_ms_;
  if (!name.empty()) known.name = name;
  if (lease_ms != 0) known.lease_ms = lease_ms;
  known.sign = std::max(known.sign, now);
  known.ended = false;
  const Time end = ends(known);
  if (known.alarm == never || end < known.alarm) set_alarm(known.alarm, end, Of::session, session);
}

void Leases::meet(std::uint64_t session, Time now) {
  if (!sessions_.contains(session)) alive(session, now);
}

void Leases::end(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.ended = true;
  set_alarm(found->second.alarm, never, Of::session, session);
  forget_if_done(session);
}

bool Leases::lives(std::uint64_t session, Time now) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && !found->second.ended && now < ends(found->second);
}

std::string Leases::name(std::uint64_t session) const {
  const auto found = sessions_.find(session);
  if (found != sessions_.end() && !found->second.name.empty()) return found->second.name;
  return fmt::format("session {:016x}", session);
}

std::uint32_t Leases::lease_ms(std::uint64_t session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? default_lease_ms_ : found->second.lease_ms;
}

void Leases::grant(Id lock, std::uint64_t session, std::uint32_t ttl_ms, Time now) {
  meet(session, now);
  add_lock(lock, {session, ttl_ms, true, now, never});
}

void Leases::grant_named(Id lock, std::uint32_t ttl_ms, Time now) {
  add_lock(lock, {0, ttl_ms, false, now, never});
}

void Leases::restore(Id lock, std::uint64_t session, std::uint32_t ttl_ms, Time sign) {
  if (session != 0) meet(session, sign);
  add_lock(lock, {session, ttl_ms, false, sign, never});
}

void Leases::add_lock(Id id, const Lock& lock) {
  if (lock.session != 0) ++sessions_[lock.session].locks;
  Lock& known = locks_[id];
  known = lock;
  set_alarm(known.alarm, ends(known), Of::lock, id);
}

void Leases::renew(Id lock, Time now) {
  const auto found = locks_.find(lock);
  if (found == locks_.end()) return;
  found->second.sign = std::max(found->second.sign, now);
  found->second.by_session = found->second.session != 0;
}

void Leases::drop(Id lock) {
  const auto found = locks_.find(lock);
  if (found == locks_.end()) return;
  const std::uint64_t session = found->second.session;
  set_alarm(found->second.alarm, never, Of::lock, lock);
  locks_.erase(found);
  if (session == 0) return;
  --sessions_[session].locks;
  forget_if_done(session);
}

Time Leases::ends(Id lock) const {
  const auto found = locks_.find(lock);
  return found == locks_.end() ? never : ends(found->second);
}

Time Leases::ends(const Lock& lock) const {
  const Time sign =
      lock.by_session ? std::max(lock.sign, sessions_.at(lock.session).sign) : lock.sign;
  return std::max(sign + Time{lock.ttl_ms}, floor_);
}

Time Leases::ends(const Session& session) const {
  return std::max(session.sign + Time{session.lease_ms}, floor_);
}

void Leases::wait_until(Id waiter, Time deadline) {
  if (deadlines_.emplace(waiter, deadline).second) alarms_.insert({deadline, {Of::waiter, waiter}});
}

void Leases::stop_waiting(Id waiter) {
  const auto found = deadlines_.find(waiter);
  if (found == deadlines_.end()) return;
  alarms_.erase({found->second, {Of::waiter, waiter}});
  deadlines_.erase(found);
}

Time Leases::deadline(Id waiter) const {
  const auto found = deadlines_.find(waiter);
  return found == deadlines_.end() ? never : found->second;
}

Leases::Due Leases::take_due(Time now) {
  Due due;
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const auto [of, id] = alarms_.begin()->second;
    if (of == Of::waiter) {
      stop_waiting(id);
      due.waiters.push_back(id);
    } else if (of == Of::lock) {
      Lock& lock = locks_.at(id);
      const Time end = ends(lock);
      if (end > now) {
        set_alarm(lock.alarm, end, Of::lock, id);
        continue;
      }
      drop(id);
      due.locks.push_back(id);
    } else {
      Session& session = sessions_.at(id);
      const Time end = ends(session);
      if (end > now) {
        set_alarm(session.alarm, end, Of::session, id);
        continue;
      }
      this->end(id);
      due.sessions.push_back(id);
    }
  }
  return due;
}

// A dead session is known as long as it has locks, so that they have a name and an end.
void Leases::forget_if_done(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (found->second.ended && found->second.locks == 0) sessions_.erase(found);
}

}  // namespace sluice::broker::locks
