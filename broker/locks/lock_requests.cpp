// Requests of clients: acquire, cancel, release, renew; and what becomes of explicit locks.
// Read on: lock_actor.hpp, lock_table.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "broker/locks/lock_actor.hpp"
#include "protocol/digest.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using protocol::fail;
using protocol::LockClaim;
namespace limits = protocol::limits;

namespace {

// Whether `larger` makes `claim` superfluous.
bool includes(const LockClaim& larger, const LockClaim& claim) {
  if (larger.shared && !claim.shared) return false;
  return larger.tree ? protocol::is_within(claim.path, larger.path)
                     : !claim.tree && claim.path == larger.path;
}

// Checks the claims and leaves out those that others of the set include.
protocol::Result<std::vector<LockClaim>> merged(const std::vector<LockClaim>& claims) {
  if (claims.empty()) return fail(Code::bad_message, {}, "a lock needs a path");
  if (claims.size() > limits::claims)
    return fail(Code::too_large, {},
                fmt::format("a lock may name {} paths, not {}", limits::claims, claims.size()));
  std::vector<LockClaim> kept;
  kept.reserve(claims.size());
  for (const LockClaim& claim : claims) {
    if (const auto good = protocol::check_path(claim.path); !good)
      return tl::make_unexpected(good.error());
    auto is_included = [&](const LockClaim& other) { return includes(other, claim); };
    if (std::any_of(kept.begin(), kept.end(), is_included)) continue;
    std::erase_if(kept, [&](const LockClaim& other) { return includes(claim, other); });
    kept.push_back(claim);
  }
  return kept;
}

}  // namespace

void LockActor::on_acquire_lock(Message&& message, Time now, Outbox& outbox) {
  const std::uint64_t session = message.stamp.session;
  const RequestKey key{session, message.header.request_id};
  auto refuse = [&](const protocol::Error& error) {
    outbox.send(runtime::make_error(message, error));
  };
  if (const auto repeat = lock_requests_.find(key); repeat != lock_requests_.end()) {
    Lock& lock = locks_.at(repeat->second);
    lock.asker = asker_of(message);
    if (lock.ending != Ending::no) return refuse({Code::fenced, {}, "the lock is given back"});
    if (!lock.answered) return;
    confirm(repeat->second, now);
    reply(lock.asker, protocol::AcquireLockReply{to_string(lock.token), lock.ttl_ms}, outbox);
    return;
  }
  const auto request = protocol::decode<protocol::AcquireLock>(message.body);
  if (!request) return refuse(request.error());
  auto claims = merged(request->claims);
  if (!claims) return refuse(claims.error());
  if (const auto good = check_owner(*request); !good) return refuse(good.error());
  if (const auto good = check_limits(session, claims->size()); !good) return refuse(good.error());

  const auto blocker = table_.blocker(Kind::explicit_lock, *claims);
  const bool no_wait = request->wait_ms == 0;
  if (blocker && no_wait && !blocker->only_commits)
    return refuse(in_the_way(Code::locked, *blocker, now));
  if (blocker && waiters_ >= limits::waiters_in_all)
    return refuse({Code::too_many_locks, blocker->path, "too many wait already"});
  if (!blocker && numbers_.empty())
    return refuse({Code::overloaded, {}, "no numbers are left until the log has reserved more"});

  const Id id = ++last_id_;
  lock_requests_[key] = id;
  auto& of_session = of_session_[session];
  of_session.locks.insert(of_session.locks.end(), id);
  of_session.claims += claims->size();
  claims_in_all_ += claims->size();
  Lock& lock = locks_[id];
  lock.key = key;
  lock.asker = asker_of(message);
  lock.ttl_ms = std::min(request->ttl_ms, limits::ttl_max_ms);
  lock.no_wait = no_wait;
  lock.since = now;
  lock.owner = request->owner;
  lock.agent = request->agent;
  if (!request->under.empty())
    if (const auto under = find_held(request->under)) lock.under = *under;
  if (!blocker) {
    table_.hold({id, Kind::explicit_lock, std::move(*claims)});
    return grant(id, now);
  }
  table_.submit({id, Kind::explicit_lock, std::move(*claims)});
  const Time wait = no_wait ? commit_grace : Time{std::min(request->wait_ms, limits::wait_max_ms)};
  begin_waiting(id, now + wait);
  if (no_wait) return;
  if (const auto error = deadlock(id)) refuse_lock(id, *error, now, outbox);
}

protocol::Result<void> LockActor::check_owner(const protocol::AcquireLock& request) const {
  if (request.owner.empty()) return {};
  if (request.owner.size() > limits::owner_bytes)
    return fail(Code::too_large, {},
                fmt::format("an owner's name may have {} bytes", limits::owner_bytes));
  if (!protocol::is_plain_text(request.owner))
    return fail(Code::bad_message, {}, "an owner's name is UTF-8 without control characters");
  if (request.ttl_ms == 0)
    return fail(Code::bad_message, {}, "a lock of a named owner needs a time to live");
  const auto found = of_owner_.find(request.owner);
  const std::size_t own = found == of_owner_.end() ? 0 : found->second;
  if (own + request.claims.size() > limits::locks_per_session)
    return fail(Code::too_many_locks, {},
                fmt::format("an owner may lock {} paths at once", limits::locks_per_session));
  return {};
}

// Each path of a set counts, so that memory is bounded by the limits whatever the sets.
protocol::Result<void> LockActor::check_limits(std::uint64_t session, std::size_t claims) const {
  const auto found = of_session_.find(session);
  const std::size_t own = found == of_session_.end() ? 0 : found->second.claims;
  if (own + claims > limits::locks_per_session)
    return fail(Code::too_many_locks, {},
                fmt::format("a session may lock {} paths at once", limits::locks_per_session));
  if (claims_in_all_ + claims > limits::locks_in_all)
    return fail(Code::too_many_locks, {},
                fmt::format("the server keeps {} locks at most", limits::locks_in_all));
  return {};
}

void LockActor::on_cancel(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::Cancel>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  const RequestKey key{message.stamp.session, request->request_id};
  const protocol::Error cancelled{Code::cancelled, {}, {}};
  if (const auto lock = lock_requests_.find(key);
      lock != lock_requests_.end() && locks_.at(lock->second).token.number == 0)
    refuse_lock(lock->second, cancelled, now, outbox);
  if (const auto conversion = conversion_requests_.find(key);
      conversion != conversion_requests_.end())
    refuse_conversion(conversion->second, cancelled, now, outbox);
  if (const auto found = commit_requests_.find(key); found != commit_requests_.end()) {
    const Id handle = found->second;
    PendingCommit& commit = commits_.at(handle);
    if (commit.stage == Stage::asking) commit.cancelled = true;
    if (commit.stage == Stage::waiting) refuse_commit(handle, cancelled, now, outbox);
  }
  cancel_watches(key, key, cancelled, outbox);
  outbox.send(runtime::make_reply(message, protocol::CancelReply{}));
}

void LockActor::on_release_lock(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::ReleaseLock>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  const auto id = find_held(request->token);
  if (!id && !is_being_released(request->token))
    return outbox.send(runtime::make_error(message, id.error()));
  const bool named = !id || !locks_.at(*id).owner.empty();
  answer_written(asker_of(message), protocol::ReleaseLockReply{},
                 {What::answer, id ? *id : 0, named});
  if (id) end_lock(*id, Ending::released, now, outbox);
}

// By its owner's request, which is not answered yet: this one is a repeat of it.
bool LockActor::is_being_released(std::string_view text) const {
  const auto token = protocol::parse_token(text);
  const auto found = token ? by_number_.find(token->number) : by_number_.end();
  if (found == by_number_.end()) return false;
  const Lock& lock = locks_.at(found->second);
  return lock.token == *token && lock.ending == Ending::released && lock.end_awaits_disk;
}

void LockActor::on_renew_lock(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::RenewLock>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  const std::uint64_t session = message.stamp.session;
  if (request->last && request->token.empty()) {
    outbox.send(runtime::make_reply(message, protocol::RenewLockReply{}));
    return forget_unconfirmed(session, now, outbox);
  }
  const auto id = find_held(request->token);
  if (id) {
    confirm(*id, now);
    const Lock& lock = locks_.at(*id);
    const protocol::RenewLockReply renewed{lock.ttl_ms};
    if (lock.owner.empty()) {
      outbox.send(runtime::make_reply(message, renewed));
    } else {
      write_down(*id, now);
      answer_written(asker_of(message), renewed, {What::answer, *id, true});
    }
  } else {
    outbox.send(runtime::make_error(message, id.error()));
  }
  if (request->last) forget_unconfirmed(session, now, outbox);
}

// Its holder lives, and knows that it has it.
void LockActor::confirm(Id id, Time now) {
  locks_.at(id).unconfirmed = false;
  leases_.renew(id, now);
}

// The held lock of this token. Whoever knows the token may use it. Fails with `fenced`, or with
// `lease_expired` while that is remembered.
protocol::Result<Id> LockActor::find_held(std::string_view text) const {
  const auto token = protocol::parse_token(text);
  if (!token) return fail(Code::fenced, {}, "this is not a token");
  if (const auto found = by_number_.find(token->number); found != by_number_.end()) {
    const Lock& lock = locks_.at(found->second);
    if (lock.token != *token) return fail(Code::fenced, {}, "this is not the lock's token");
    if (lock.ending == Ending::no) return found->second;
    if (lock.ending == Ending::released)
      return fail(Code::fenced, {}, fmt::format("lock {} is given back", token->number));
  }
  if (const auto lost = lost_.find(token->number); lost != lost_.end())
    return lost->second == Ending::expired
               ? fail(Code::lease_expired, {}, fmt::format("it was lock {}", token->number))
               : fail(Code::fenced, {}, fmt::format("lock {} was broken", token->number));
  return fail(Code::fenced, {}, fmt::format("lock {} is not held", token->number));
}

// The table has granted it, a number is left, and its session lives.
void LockActor::grant(Id id, Time now) {
  Lock& lock = locks_.at(id);
  lock.token = {numbers_.draw(), protocol::Secret(protocol::to_hex(secrets_.bytes(8)))};
  watches_.begin(lock.token.number);
  lock.since = now;
  if (lock.ttl_ms == 0) lock.ttl_ms = leases_.lease_ms(lock.key.first);
  if (lock.owner.empty()) {
    leases_.grant(id, lock.key.first, lock.ttl_ms, now);
  } else {
    leases_.grant_named(id, lock.ttl_ms, now);
    leave_session(id);
    of_owner_[lock.owner] += table_.claims(id)->size();
  }
  count_held(agent_of(id, lock), true);
  by_number_.emplace_hint(by_number_.end(), lock.token.number, id);
  write_down(id, now);
  Held held{What::grant, id, waits_for_disk(lock), {}};
  // The body is made when it goes out.
  held.answer = answer_to(lock.asker, {});
  held.answer.header.type = protocol::Type::acquire_lock_reply;
  to_answer_.push_back(std::move(held));
}

// For one that is not granted to its session yet.
void LockActor::refuse_lock(Id id, const protocol::Error& error, Time now, Outbox& outbox) {
  reply(locks_.at(id).asker, protocol::ErrorReply{error.code, error.path, error.detail}, outbox);
  remove_lock(id, now, outbox);
}

// The holder has it no more. While changes under it are at the publisher it stays in others' way.
void LockActor::end_lock(Id id, Ending ending, Time now, Outbox& outbox) {
  const auto found = locks_.find(id);
  if (found == locks_.end() || found->second.token.number == 0) return;
  Lock& lock = found->second;
  if (lock.ending != Ending::no) return;
  if (lock.conversion != 0)
    refuse_conversion(lock.conversion,
                      {ending == Ending::expired ? Code::lease_expired : Code::fenced,
                       {},
                       fmt::format("lock {} has ended", lock.token.number)},
                      now, outbox);
  lock.ending = ending;
  journal_.ended(lock.token.number);
  leases_.drop(id);
  if (ending != Ending::released) {
    remember_lost(lock.token.number, ending);
    tell_lost(lock, outbox);
  }
  // Who gives back its session's lock does not use it again. Everybody else might.
  lock.end_awaits_disk = lock.answered && (ending != Ending::released || !lock.owner.empty());
  if (lock.end_awaits_disk) {
    to_answer_.push_back({What::end, id, true, {}});
  }
  remove_ended(id, now, outbox);
}

// Out of others' way, unless something that began under it is not done.
void LockActor::remove_ended(Id id, Time now, Outbox& outbox) {
  const Lock& lock = locks_.at(id);
  if (lock.commits_under_way == 0 && !lock.end_awaits_disk) remove_lock(id, now, outbox);
}

void LockActor::remove_lock(Id id, Time now, Outbox& outbox) {
  const auto found = locks_.find(id);
  const Lock& lock = found->second;
  const std::size_t claims = table_.claims(id)->size();
  const bool granted = lock.token.number != 0;
  claims_in_all_ -= claims;
  // Who hears of it can have what it was on, and may ask for that at once.
  if (granted) tell_unlocked(id);
  if (granted && !lock.owner.empty()) {
    const auto owner = of_owner_.find(lock.owner);
    owner->second -= claims;
    if (owner->second == 0) of_owner_.erase(owner);
  } else {
    leave_session(id);
  }
  if (granted) {
    count_held(agent_of(id, lock), false);
    by_number_.erase(lock.token.number);
  } else if (!table_.holds(id)) {
    stop_waiting(id);
  }
  lock_requests_.erase(lock.key);
  locks_.erase(found);
  settle(table_.remove(id), now, outbox);
}

// The session no longer answers for it.
void LockActor::leave_session(Id id) {
  const auto of_session = of_session_.find(locks_.at(id).key.first);
  of_session->second.locks.erase(id);
  of_session->second.claims -= table_.claims(id)->size();
  if (of_session->second.locks.empty()) of_session_.erase(of_session);
}

void LockActor::remember_lost(std::uint64_t number, Ending ending) {
  lost_.emplace(number, ending);
  lost_order_.push_back(number);
  if (lost_order_.size() <= lost_remembered) return;
  lost_.erase(lost_order_.front());
  lost_order_.pop_front();
}

// A hint for the holder, if it is there; its next change would hear it anyway.
void LockActor::tell_lost(const Lock& lock, Outbox& outbox) {
  if (!lock.owner.empty()) return;
  const bool expired = lock.ending == Ending::expired;
  const protocol::LockLost lost{lock.token.number, expired ? Code::lease_expired : Code::fenced,
                                expired ? "its lease ran out" : "it was broken"};
  outbox.send(runtime::make_message({runtime::Port::broker, {}}, lost, 0, {lock.key.first, 0, 0}));
}

void LockActor::on_break_lock(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::BreakLock>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  const auto found = by_number_.find(request->number);
  if (found == by_number_.end() || locks_.at(found->second).ending != Ending::no)
    return outbox.send(runtime::make_error(
        message, {Code::fenced, {}, fmt::format("lock {} is not held", request->number)}));
  answer_written(asker_of(message), protocol::BreakLockReply{}, {What::answer, 0, true, {}});
  end_lock(found->second, Ending::broken, now, outbox);
}

}  // namespace sluice::broker::locks
