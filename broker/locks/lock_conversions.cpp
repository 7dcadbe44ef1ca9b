// Upgrade and downgrade of explicit locks. Read on: lock_actor.hpp, lock_table.hpp ("Conversion").
#include <algorithm>

#include "broker/locks/lock_actor.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using protocol::fail;
namespace limits = protocol::limits;

void LockActor::on_convert_lock(const Message& message, Time now, Outbox& outbox) {
  auto refuse = [&](const protocol::Error& error) {
    outbox.send(runtime::make_error(message, error));
  };
  const RequestKey key{message.stamp.session, message.header.request_id};
  if (const auto repeat = conversion_requests_.find(key); repeat != conversion_requests_.end()) {
    conversions_.at(repeat->second).asker = asker_of(message);
    return;
  }
  const auto request = protocol::decode<protocol::ConvertLock>(message.body);
  if (!request) return refuse(request.error());
  const auto id = find_held(request->token);
  if (!id) return refuse(id.error());
  if (request->shared) {
    const bool named = !locks_.at(*id).owner.empty();
    answer_written(asker_of(message), protocol::ConvertLockReply{}, {What::downgrade, *id, named});
    return downgrade(*id, now, outbox);
  }
  const auto at_once = may_upgrade(*id, *request, now);
  if (!at_once) return refuse(at_once.error());
  // It may have become so a moment ago, and that is not on the disk yet.
  if (*at_once)
    return answer_written(asker_of(message), protocol::ConvertLockReply{},
                          {What::answer, *id, waits_for_disk(locks_.at(*id))});

  const Id conversion = ++last_id_;
  if (table_.upgrade(conversion, *id)) return answer_upgrade(*id, asker_of(message), now);
  conversion_requests_[key] = conversion;
  conversions_[conversion] = {key, asker_of(message), *id, request->agent};
  locks_.at(*id).conversion = conversion;
  begin_waiting(conversion, now + Time{std::min(request->wait_ms, limits::wait_max_ms)});
  if (const auto error = deadlock(conversion)) refuse_conversion(conversion, *error, now, outbox);
}

// True: it is exclusive already. False: the table may be asked.
protocol::Result<bool> LockActor::may_upgrade(Id id, const protocol::ConvertLock& request,
                                              Time now) const {
  const auto& claims = *table_.claims(id);
  if (locks_.at(id).shared_when_done)
    return fail(Code::locked, claims.front().path, "changes made under it are not done yet");
  if (std::none_of(claims.begin(), claims.end(), [](const auto& claim) { return claim.shared; }))
    return true;
  if (locks_.at(id).conversion != 0)
    return fail(Code::locked, claims.front().path, "its upgrade waits already");
  if (const auto other = table_.meets_conversion(id)) {
    const Id rival = conversions_.at(*other).lock;
    const Blocker blocker{*other, table_.where_they_meet(id, rival), false};
    if (request.wait_ms == 0) return tl::make_unexpected(in_the_way(Code::locked, blocker, now));
    return fail(Code::deadlock, blocker.path, describe(*other, now));
  }
  const auto blocker = table_.upgrade_blocker(id);
  if (blocker && request.wait_ms == 0)
    return tl::make_unexpected(in_the_way(Code::locked, *blocker, now));
  if (blocker && waiters_ >= limits::waiters_in_all)
    return fail(Code::too_many_locks, blocker->path, "too many wait already");
  return false;
}

// Others may share it as soon as no change made under it is at the publisher.
void LockActor::downgrade(Id id, Time now, Outbox& outbox) {
  Lock& lock = locks_.at(id);
  if (lock.conversion != 0)
    refuse_conversion(lock.conversion, {Code::cancelled, {}, "the lock is to be shared"}, now,
                      outbox);
  lock.shared_when_done = lock.commits_under_way != 0;
  if (lock.shared_when_done) return;
  const auto& claims = *table_.claims(id);
  const bool is_news = std::any_of(claims.begin(), claims.end(),
                                   [](const protocol::LockClaim& claim) { return !claim.shared; });
  auto granted = table_.downgrade(id);
  if (is_news) tell_converted(id);
  write_down(id, now);
  settle(std::move(granted), now, outbox);
}

void LockActor::answer_upgrade(Id id, const Asker& asker, Time now) {
  write_down(id, now);
  answer_written(asker, protocol::ConvertLockReply{},
                 {What::upgrade, id, waits_for_disk(locks_.at(id))});
}

// The table has made it exclusive.
void LockActor::finish_conversion(Id id, Time now, Outbox& outbox) {
  const auto found = conversions_.find(id);
  const Conversion conversion = found->second;
  conversion_requests_.erase(conversion.key);
  conversions_.erase(found);
  locks_.at(conversion.lock).conversion = 0;
  if (leases_.lives(conversion.key.first, now))
    return answer_upgrade(conversion.lock, conversion.asker, now);
  reply(conversion.asker, protocol::ErrorReply{Code::cancelled, {}, "the session has ended"},
        outbox);
  downgrade(conversion.lock, now, outbox);
}

// For one that waits: the lock stays as it was.
void LockActor::refuse_conversion(Id id, const protocol::Error& error, Time now, Outbox& outbox) {
  const auto found = conversions_.find(id);
  stop_waiting(id);
  reply(found->second.asker, protocol::ErrorReply{error.code, error.path, error.detail}, outbox);
  locks_.at(found->second.lock).conversion = 0;
  conversion_requests_.erase(found->second.key);
  conversions_.erase(found);
  settle(table_.remove(id), now, outbox);
}

}  // namespace sluice::broker::locks
