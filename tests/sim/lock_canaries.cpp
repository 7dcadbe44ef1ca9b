// The canaries of locks: leases, modes, sets, trees, the queue. See canaries.hpp.
#include <algorithm>

#include "protocol/token.hpp"
#include "tests/sim/canaries.hpp"
#include "tests/sim/server.hpp"

namespace sluice::sim {

using protocol::Type;

namespace {

constexpr std::uint32_t too_short = 4;

bool is_shared(const Claims& claims) {
  return claims.front().shared;
}

}  // namespace

// What no checker hears, and nobody gets an answer to.
void Sabotage::tell_unheard(Message&& message) {
  message.peer = {Port::broker, not_heard};
  tell_locks_(std::move(message));
}

bool Sabotage::lock_actor_hears_of_locks(Message& message) {
  switch (message.header.type) {
    case Type::acquire_lock:
      return hears_acquire(message);
    case Type::release_lock:
      if (is(Canary::forget_release) && message.peer.id != not_heard)
        if (const auto body = protocol::decode<protocol::ReleaseLock>(message.body))
          make_renewal(message, body->token, Type::release_lock_reply);
      return true;
    case Type::convert_lock:
      if (is(Canary::upgrade_at_once))
        if (const auto body = protocol::decode<protocol::ConvertLock>(message.body);
            body && !body->shared)
          make_renewal(message, body->token, Type::convert_lock_reply);
      return true;
    case Type::session_ended:
      if (is(Canary::forget_bye))
        change_body<protocol::SessionEnded>(message, [](auto& note) { note.bye = false; });
      return !is(Canary::grant_to_the_dead) || !machine_.queue.is_waiting(message.stamp.session);
    case Type::worker_gone:
      if (is(Canary::release_on_worker_death)) release_any();
      return true;
    case Type::commit:
      if (is(Canary::commit_despite_lock)) borrow_token(message);
      return true;
    default:
      return true;
  }
}

// Such a request is granted to every holder, and does nothing to the lock's mode or its end.
void Sabotage::make_renewal(Message& message, const std::string& token, Type answer) {
  sings();
  message.header.type = Type::renew_lock;
  message.body = protocol::encode(protocol::RenewLock{token});
  false_renewals_[key_of(message)] = answer;
}

bool Sabotage::hears_acquire(Message& message) {
  const auto body = protocol::decode<protocol::AcquireLock>(message.body);
  if (!body || body->claims.empty()) return true;
  const auto claims_become = [&](const std::function<void(Claims&)>& how) {
    change_body<protocol::AcquireLock>(message, [&](auto& acquire) { how(acquire.claims); });
  };
  if (is(Canary::overlook_tree))
    claims_become([](Claims& claims) {
      for (auto& claim : claims) claim.tree = false;
    });
  if (is(Canary::exclusive_as_shared))
    claims_become([](Claims& claims) {
      for (auto& claim : claims) claim.shared = true;
    });
  if (is(Canary::named_ends_with_session))
    change_body<protocol::AcquireLock>(message, [](auto& acquire) { acquire.owner.clear(); });
  if (is(Canary::grant_set_partly)) claims_become([](Claims& claims) { claims.resize(1); });
  if (is(Canary::expire_early))
    change_body<protocol::AcquireLock>(message, [](auto& acquire) {
      acquire.ttl_ms = std::max(acquire.ttl_ms, 2000u) / too_short;
    });
  if (body->wait_ms == 0) return true;
  const std::uint64_t session = message.stamp.session;
  if (is(Canary::grant_to_the_dead)) {
    sings();
    keep_alive(session, 30);
  }
  const bool loses_order = is(Canary::lose_queue_order) || is(Canary::forget_waiter) ||
                           (is(Canary::readers_starve_writer) && !is_shared(body->claims));
  return !loses_order || !hold_back(message);
}

// --- the queue ---

bool Sabotage::hold_back(Message& message) {
  const auto body = protocol::decode<protocol::AcquireLock>(message.body);
  if (let_through_.contains(key_of(message)) || !machine_.queue.is_held(body->claims)) return false;
  sings();
  held_back_.push_back(std::move(message));
  if (!std::exchange(looking_, true)) look_again();
  return true;
}

void Sabotage::look_again() {
  world_.after(20 * ms, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.lock()) return;
    if (!is(Canary::forget_waiter)) let_through();
    look_again();
  });
}

// Those whom nothing stands in the way of, the latest first.
void Sabotage::let_through() {
  for (std::size_t i = held_back_.size(); i > 0; --i) {
    const auto at = held_back_.begin() + static_cast<std::ptrdiff_t>(i - 1);
    const auto body = protocol::decode<protocol::AcquireLock>(at->body);
    if (machine_.queue.is_held(body->claims)) continue;
    let_through_.insert(key_of(*at));
    tell_locks_(std::move(*at));
    held_back_.erase(at);
    return;
  }
}

// --- leases ---

void Sabotage::renew_for_ever(const std::string& token) {
  tell_unheard(runtime::make_message({}, protocol::RenewLock{token}));
  world_.after(300 * ms, [this, token, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) renew_for_ever(token);
  });
}

void Sabotage::release_any() {
  for (const auto& [number, token] : tokens_) {
    if (!machine_.locks.is_believed(number)) continue;
    sings();
    return tell_unheard(runtime::make_message({}, protocol::ReleaseLock{token}));
  }
}

// --- commits ---

void Sabotage::borrow_token(Message& message) {
  auto commit = protocol::decode<protocol::Commit>(message.body);
  if (!commit || !commit->terms.token.empty()) return;
  const Claims claims = claims_of(*commit);
  for (const auto& [number, token] : tokens_) {
    if (!machine_.locks.is_believed(number) || !machine_.queue.covers(number, claims)) continue;
    sings();
    hidden_tokens_[key_of(message)].clear();
    commit->terms.token = token;
    message.body = protocol::encode(*commit);
    return;
  }
}

// --- what it sends ---

void Sabotage::lock_actor_sends_of_locks(Message& message) {
  if (const auto renewal = false_renewals_.find(key_of(message));
      renewal != false_renewals_.end()) {
    if (message.header.type == Type::renew_lock_reply) {
      // Neither of the two answers says anything.
      message.header.type = renewal->second;
      message.body = protocol::encode(protocol::ReleaseLockReply{});
    }
    false_renewals_.erase(renewal);
  }
  if (message.header.type != Type::acquire_lock_reply) return;
  auto grant = protocol::decode<protocol::AcquireLockReply>(message.body);
  const auto token = grant ? protocol::parse_token(grant->token) : std::nullopt;
  if (!token) return;
  if (tokens_.emplace(token->number, grant->token).second && is(Canary::never_expire)) {
    sings();
    renew_for_ever(grant->token);
  }
  if (!is(Canary::expire_early)) return;
  grant->ttl_ms *= too_short;
  message.body = protocol::encode(*grant);
}

}  // namespace sluice::sim
