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
  await_end(id, known);
}

// Its end is as its session's, if it has no later sign than that one.
void Leases::await_end(Id id, Lock& lock) {
  if (lock.by_session) {
    Session& session = sessions_.at(lock.session);
    if (lock.sign <= session.sign) {
      auto& locks = session.together[lock.ttl_ms];
      lock.place = locks.insert(locks.end(), id);
      if (session.together_alarm == never || ends(lock) < session.together_alarm)
        set_alarm(session.together_alarm, ends(lock), Of::together, lock.session);
      return;
    }
  }
  set_alarm(lock.alarm, ends(lock), Of::lock, id);
}

void Leases::leave_alarm(Id id, Lock& lock) {
  if (lock.alarm != never) return set_alarm(lock.alarm, never, Of::lock, id);
  // That alarm may ring for nobody: a client that locks and unlocks all the time need not move it.
  // For its sake the list of one time to live is kept, too, be it empty.
  auto& together = sessions_.at(lock.session).together;
  const auto alike = together.find(lock.ttl_ms);
  alike->second.erase(lock.place);
  if (alike->second.empty() && together.size() > 1) together.erase(alike);
}

// The shortest time to live ends first.
void Leases::set_together_alarm(std::uint64_t id, Session& session) {
  const Time end = session.together.empty()
                       ? never
                       : std::max(session.sign + Time{session.together.begin()->first}, floor_);
  set_alarm(session.together_alarm, end, Of::together, id);
}

// The alarm of a session's locks has rung: perhaps for some of them.
void Leases::take_together(std::uint64_t id, Time now, Due& due) {
  Session& session = sessions_.at(id);
  std::vector<Id> ended;
  for (set_together_alarm(id, session); session.together_alarm <= now;
       set_together_alarm(id, session)) {
    auto locks = session.together.extract(session.together.begin());
    for (const Id each : locks.mapped()) {
      Lock& lock = locks_.at(each);
      // One that was renewed itself goes on alone.
      set_alarm(lock.alarm, ends(lock), Of::lock, each);
      if (lock.alarm <= now) ended.push_back(each);
    }
  }
  for (const Id each : ended) drop(each);
  due.locks.insert(due.locks.end(), ended.begin(), ended.end());
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
  leave_alarm(lock, found->second);
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
      if (ends(lock) > now) {
        set_alarm(lock.alarm, never, Of::lock, id);
        await_end(id, lock);
        continue;
      }
      drop(id);
      due.locks.push_back(id);
    } else if (of == Of::together) {
      take_together(id, now, due);
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

std::size_t Leases::alarm_groups(std::uint64_t session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? 0 : found->second.together.size();
}

// A dead session is known as long as it has locks, so that they have a name and an end.
void Leases::forget_if_done(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (!found->second.ended || found->second.locks != 0) return;
  set_alarm(found->second.together_alarm, never, Of::together, session);
  sessions_.erase(found);
}

}  // namespace sluice::broker::locks
