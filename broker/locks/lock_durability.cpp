// What of the locks outlives the process: grants and releases go into the lock journal, one write
// for all that came at once, before they are answered; some wait until the publisher's thread has
// synced it. And what becomes of it after a restart. Read on: lock_journal.hpp, lock_actor.hpp.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "broker/locks/lock_actor.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using runtime::Port;

void LockActor::write_down(Id id, Time now) {
  describe_for_journal(id, now, written_);
  journal_.granted(written_);
}

// The first lock held with a larger number, as it is written down.
std::optional<JournaledLock> LockActor::held_after(std::uint64_t number, Time now) const {
  auto found = by_number_.upper_bound(number);
  while (found != by_number_.end() && locks_.at(found->second).ending != Ending::no) ++found;
  if (found == by_number_.end()) return std::nullopt;
  JournaledLock journaled;
  describe_for_journal(found->second, now, journaled);
  return journaled;
}

// All of it, whatever stood there.
void LockActor::describe_for_journal(Id id, Time now, JournaledLock& journaled) const {
  const Lock& lock = locks_.at(id);
  journaled.number = lock.token.number;
  journaled.secret = lock.token.secret;
  journaled.session = lock.key.first;
  journaled.request_id = lock.key.second;
  journaled.agent = lock.agent;
  journaled.owner = lock.owner;
  journaled.ttl_ms = lock.ttl_ms;
  journaled.claims = *table_.claims(id);
  journaled.holder.clear();
  journaled.lease_ms = 0;
  journaled.expires_at_ms = 0;
  if (!lock.owner.empty()) {
    const Time left = leases_.ends(id) - std::min(now, leases_.ends(id));
    journaled.expires_at_ms = wall_ms_at_zero_ + static_cast<std::uint64_t>((now + left).count());
  } else {
    journaled.holder = leases_.name(lock.key.first);
    journaled.lease_ms = leases_.lease_ms(lock.key.first);
  }
}

bool LockActor::waits_for_disk(const Lock& lock) const {
  const auto grace_ms = static_cast<std::uint32_t>(grace_.count());
  return durability_ == LockDurability::full || !lock.owner.empty() || lock.ttl_ms > grace_ms ||
         leases_.lease_ms(lock.key.first) > grace_ms;
}

void LockActor::on_drained(Time now, Outbox& outbox) {
  write_journal(now, outbox);
  answer_watches(outbox);
}

void LockActor::write_journal(Time now, Outbox& outbox) {
  if (to_answer_.empty() && !journal_.gathered() && to_write_again_.empty()) return;
  for (const Id id : to_write_again_)
    if (!ended_early(id)) write_down(id, now);
  const auto position = journal_.write();
  if (position) to_write_again_.clear();
  if (position.has_value() == journal_failing_) {
    journal_failing_ = !position;
    if (journal_failing_)
      spdlog::error("the lock journal: {}; what has to be in it is refused until that is mended",
                    protocol::sentence(position.error()));
    else
      spdlog::info("the lock journal can be written again");
  }
  answering_.swap(to_answer_);
  for (Held& held : answering_) {
    if (!position) {
      release_held(std::move(held), position.error(), now, outbox);
    } else if (held.wait_for_disk && sync_failed_) {
      release_held(std::move(held), {Code::log_failed, {}, "the lock journal cannot be synced"},
                   now, outbox);
    } else if (held.wait_for_disk) {
      awaiting_sync_[*position].push_back(std::move(held));
    } else {
      release_held(std::move(held), {}, now, outbox);
    }
  }
  answering_.clear();
  ask_for_sync(outbox);
}

// One sync at a time: what is written meanwhile shares the next.
void LockActor::ask_for_sync(Outbox& outbox) {
  if (sync_under_way_ || sync_failed_ || (awaiting_sync_.empty() && !journal_.wants_sync())) return;
  sync_under_way_ = true;
  outbox.send(
      runtime::make_message({Port::publisher, {}}, protocol::SyncLocks{journal_.position()}));
}

void LockActor::on_sync_locks_reply(const Message& message, Time now, Outbox& outbox) {
  const auto reply = protocol::decode<protocol::SyncLocksReply>(message.body);
  if (!reply || !sync_under_way_) return;
  sync_under_way_ = false;
  protocol::Error failure;
  if (reply->ok) {
    journal_.synced(reply->position);
  } else {
    sync_failed_ = true;
    failure = {Code::log_failed, {}, "the lock journal could not be synced"};
    spdlog::error("{}; what has to be on the disk is refused until a restart", failure.detail);
  }
  while (!awaiting_sync_.empty() &&
         (sync_failed_ || awaiting_sync_.begin()->first <= reply->position)) {
    auto due = awaiting_sync_.extract(awaiting_sync_.begin());
    for (Held& held : due.mapped()) release_held(std::move(held), failure, now, outbox);
  }
  ask_for_sync(outbox);
}

// Its answer may go, unless writing failed.
void LockActor::release_held(Held&& held, const protocol::Error& failure, Time now,
                             Outbox& outbox) {
  switch (held.what) {
    case What::grant:
      return grant_written(std::move(held), failure, now, outbox);
    case What::upgrade:
      return upgrade_written(std::move(held), failure, now, outbox);
    case What::end:
      return end_written(std::move(held), failure, now, outbox);
    case What::downgrade:
      // Shared it stays, so that has to be written down before whatever is granted beside it.
      if (failure.code != Code{}) to_write_again_.insert(held.lock);
      break;
    case What::answer:
      break;
  }
  // What need not be on the disk is done in any case.
  if (failure.code != Code{} && held.wait_for_disk)
    held.answer = runtime::make_error(held.answer, failure);
  outbox.send(std::move(held.answer));
}

// What became of a lock that is not held any more, though its grant or upgrade is not answered yet.
std::optional<protocol::Error> LockActor::ended_early(Id id) const {
  const auto found = locks_.find(id);
  if (found != locks_.end() && found->second.ending == Ending::no) return {};
  if (found != locks_.end() && found->second.ending == Ending::expired)
    return protocol::Error{Code::lease_expired, {}, "it was over before it was on the disk"};
  return protocol::Error{Code::cancelled, {}, "the lock ended before it was on the disk"};
}

void LockActor::grant_written(Held&& held, protocol::Error error, Time now, Outbox& outbox) {
  const auto early = ended_early(held.lock);
  if (error.code == Code{} && early) error = *early;
  const auto found = locks_.find(held.lock);
  if (found == locks_.end()) return outbox.send(runtime::make_error(held.answer, error));
  Lock& lock = found->second;
  // Looked at again in the moment of the grant.
  if (error.code == Code{} && lock.owner.empty() && !leases_.lives(lock.key.first, now))
    error = {Code::cancelled, {}, "the session has ended"};
  if (error.code != Code{}) {
    reply(lock.asker, protocol::ErrorReply{error.code, error.path, error.detail}, outbox);
    return end_lock(held.lock, Ending::released, now, outbox);
  }
  lock.answered = true;
  leases_.renew(held.lock, now);
  reply(lock.asker, protocol::AcquireLockReply{to_string(lock.token), lock.ttl_ms}, outbox);
  tell_locked(held.lock);
}

void LockActor::upgrade_written(Held&& held, protocol::Error error, Time now, Outbox& outbox) {
  const auto early = ended_early(held.lock);
  if (error.code == Code{} && early) error = *early;
  if (error.code == Code{}) {
    outbox.send(std::move(held.answer));
    return tell_converted(held.lock);
  }
  outbox.send(runtime::make_error(held.answer, error));
  if (!early) downgrade(held.lock, now, outbox);
}

// Without the journal it stays in the way: written again with the next write, or until a restart.
void LockActor::end_written(Held&& held, const protocol::Error& failure, Time now, Outbox& outbox) {
  if (failure.code != Code{}) {
    if (!sync_failed_) to_answer_.push_back(std::move(held));
    return;
  }
  locks_.at(held.lock).end_awaits_disk = false;
  remove_ended(held.lock, now, outbox);
}

void LockActor::restore(const std::vector<JournaledLock>& held, bool guard, Time now) {
  for (const JournaledLock& journaled : held) {
    const Id id = ++last_id_;
    Lock& lock = locks_[id];
    lock.key = {journaled.session, journaled.request_id};
    lock.token = {journaled.number, journaled.secret};
    lock.agent = journaled.agent;
    lock.ttl_ms = journaled.ttl_ms;
    lock.owner = journaled.owner;
    lock.holder = lock.owner.empty() ? journaled.holder : lock.owner;
    lock.since = now;
    lock.answered = lock.unconfirmed = true;
    lock_requests_[lock.key] = id;
    by_number_[journaled.number] = id;
    claims_in_all_ += journaled.claims.size();
    table_.hold({id, Kind::explicit_lock, journaled.claims});
    if (lock.owner.empty()) {
      leases_.alive(journaled.session, now, journaled.holder, journaled.lease_ms);
      leases_.restore(id, journaled.session, journaled.ttl_ms, now);
      auto& of_session = of_session_[journaled.session];
      of_session.locks.insert(id);
      of_session.claims += journaled.claims.size();
    } else {
      const Time ends{static_cast<std::int64_t>(journaled.expires_at_ms) -
                      static_cast<std::int64_t>(wall_ms_at_zero_)};
      leases_.restore(id, 0, journaled.ttl_ms, std::min(ends - Time{journaled.ttl_ms}, now));
      of_owner_[journaled.owner] += journaled.claims.size();
    }
    count_held(agents_of(id).front(), true);
  }
  if (!held.empty()) leases_.forgive(now + grace_);
  last_call_ = now;
  if (!guard) return;
  guard_ = ++last_id_;
  guard_until_ = now + grace_;
  table_.hold({guard_, Kind::explicit_lock, {{"", true, false}}});
}

// The session has said what it holds: the rest was given back, or its grant never arrived.
void LockActor::forget_unconfirmed(std::uint64_t session, Time now, Outbox& outbox) {
  const auto found = of_session_.find(session);
  if (found == of_session_.end()) return;
  for (const Id id : std::set<Id>(found->second.locks))
    if (const auto lock = locks_.find(id); lock != locks_.end() && lock->second.unconfirmed)
      end_lock(id, Ending::released, now, outbox);
}

}  // namespace sluice::broker::locks
