// See lock_checker.hpp.
#include "tests/sim/lock_checker.hpp"

#include <algorithm>

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::LockClaim;

void LockChecker::on_acquire(const Message& request) {
  if (const auto body = protocol::decode<protocol::AcquireLock>(request.body))
    asked_[key_of(request)] = {body->claims, !body->owner.empty()};
}

bool LockChecker::is_held(const Grant& grant) const {
  return grant.believed && world_.time() < grant.proven + grant.ttl;
}

bool LockChecker::on_granted(const Message& reply) {
  const auto body = protocol::decode<protocol::AcquireLockReply>(reply.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  if (!token) throw Violation{"a grant without a token"};
  if (const auto known = grants_.find(token->number); known != grants_.end()) {
    if (known->second.session != reply.stamp.session)
      throw Violation{fmt::format("token {} was given to two sessions", token->number)};
    return false;
  }
  const Asked& asked = asked_.at(key_of(reply));
  const Claims& claims = asked.claims;
  check_exclusion(token->number, claims);
  for (const auto& [number, commit] : under_way_)
    if (conflict(commit.claims, claims))
      throw Violation{fmt::format("lock {} on {} was granted while commit {} ({}) was under way",
                                  token->number, claims[0].path, number, commit.what)};
  Grant& grant = grants_[token->number];
  grant.session = reply.stamp.session;
  grant.claims = claims;
  grant.ttl = Time(body->ttl_ms);
  grant.named = asked.named;
  grant.turn = ++turn_;
  return true;
}

void LockChecker::check_exclusion(std::uint64_t number, const Claims& claims) const {
  for (const auto& [other, grant] : grants_)
    if (other != number && is_held(grant) && conflict(grant.claims, claims))
      throw Violation{fmt::format("lock {} on {} was granted while {} was held by {:x} until {}",
                                  number, claims[0].path, other, grant.session,
                                  (grant.proven + grant.ttl).count())};
}

void LockChecker::on_convert(const Message& request) {
  const auto body = protocol::decode<protocol::ConvertLock>(request.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  if (!token) return;
  about_lock_[key_of(request)] = token->number;
  to_shared_[key_of(request)] = body->shared;
  // Others may share it from now on, even if its holder never hears that it was done.
  if (const auto grant = grants_.find(token->number); body->shared && grant != grants_.end())
    grant->second.claims = with_mode(grant->second.claims, true);
}

void LockChecker::on_converted(const Message& reply) {
  const auto grant = grants_.find(about_lock_[key_of(reply)]);
  if (grant == grants_.end()) throw Violation{"a lock was converted that nobody has"};
  const bool shared = to_shared_[key_of(reply)];
  grant->second.claims = with_mode(grant->second.claims, shared);
  if (shared) return;
  check_exclusion(grant->first, grant->second.claims);
  grant->second.turn = ++turn_;
}

void LockChecker::on_break(const Message& request) {
  const auto body = protocol::decode<protocol::BreakLock>(request.body);
  if (!body) return;
  about_lock_[key_of(request)] = body->number;
  // It may be taken away from now on, even if whoever wants that never hears of it.
  if (const auto grant = grants_.find(body->number); grant != grants_.end())
    stop_believing(grant->second);
}

void LockChecker::on_broken(const Message& reply) {
  const auto grant = grants_.find(about_lock_[key_of(reply)]);
  // It may have waited for the disk, and nobody was told of it.
  if (grant == grants_.end()) return;
  stop_believing(grant->second);
  grant->second.ended = std::min(grant->second.ended, world_.time());
  grant->second.released = true;
}

void LockChecker::on_release(const Message& request) {
  const auto body = protocol::decode<protocol::ReleaseLock>(request.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  if (token) about_lock_[key_of(request)] = token->number;
}

void LockChecker::on_released(const Message& reply) {
  if (const auto found = about_lock_.find(key_of(reply)); found != about_lock_.end())
    if (const auto grant = grants_.find(found->second); grant != grants_.end())
      grant->second.released = true;
}

void LockChecker::check_token(const protocol::Commit& commit, std::uint64_t number,
                              std::uint64_t session) {
  const auto token = protocol::parse_token(commit.terms.token);
  const auto found = token ? grants_.find(token->number) : grants_.end();
  if (found == grants_.end())
    throw Violation{fmt::format("commit {} ({}) went through under no token that was ever given",
                                number, commit.path)};
  const Grant& grant = found->second;
  if (grant.released)
    throw Violation{fmt::format("commit {} ({}) went through under token {}, which was released",
                                number, commit.path, token->number)};
  for (const auto& [later, other] : grants_)
    if (later != token->number && other.turn > grant.turn && conflict(other.claims, grant.claims))
      throw Violation{fmt::format("commit {} ({}) of {:x} went through under token {} after {}",
                                  number, commit.path, session, token->number, later)};
  for (const auto& [turn, change] : changes_)
    if (turn > grant.turn && change.under != token->number && conflict(change.claims, grant.claims))
      throw Violation{
          fmt::format("commit {} ({}) of {:x} went through under token {} after a "
                      "change of {} by somebody else",
                      number, commit.path, session, token->number, change.what)};
  // The last conversion may have been lost, or its answer.
  const Claims held = grant.restored ? with_mode(grant.claims, false) : grant.claims;
  for (const LockClaim& claim : claims_of(commit))
    if (!covers(held, claim))
      throw Violation{fmt::format("commit {} ({}) went through under token {} of another path",
                                  number, claim.path, token->number)};
}

void LockChecker::on_publish(const Message& message) {
  const std::uint64_t commit_number = message.stamp.number;
  const auto commit = protocol::decode<protocol::Publish>(message.body);
  if (commit_number == 0 || !commit || commit->kind == ChangeKind::none) return;
  const Claims claims = claims_of(*commit);
  const auto token = protocol::parse_token(commit->terms.token);
  if (!commit->terms.token.empty()) check_token(*commit, commit_number, message.stamp.session);
  for (const auto& [number, grant] : grants_) {
    if (token && token->number == number) continue;
    if (is_held(grant) && conflict(grant.claims, claims))
      throw Violation{fmt::format(
          "commit {} ({}) went through while lock {} was held by {:x} until {}", commit_number,
          commit->path, number, grant.session, (grant.proven + grant.ttl).count())};
  }
  under_way_[commit_number] = {commit->path, claims, token ? token->number : 0};
}

void LockChecker::on_published(const Message& message) {
  const auto done = under_way_.find(message.stamp.number);
  if (done == under_way_.end()) return;
  const auto outcome = protocol::decode<protocol::Published>(message.body);
  if (outcome && outcome->may_come_about()) return;
  if (outcome && outcome->code == 0 && outcome->version == message.stamp.number)
    changes_.push_back({++turn_, std::move(done->second)});
  under_way_.erase(done);
}

void LockChecker::on_server_gone(bool power) {
  under_way_.clear();
  for (auto& [number, grant] : grants_) {
    grant.restored = true;
    // Its release may have been lost with the power: it is held again, until its session says that
    // it is not.
    if (power) grant.released = false;
  }
}

void LockChecker::stop_believing(Grant& grant) {
  if (!std::exchange(grant.believed, false)) return;
  grant.ended = std::min(world_.time(), grant.proven + grant.ttl);
}

Time LockChecker::ended(std::uint64_t number) const {
  const Grant& grant = grants_.at(number);
  return std::min(grant.ended, grant.proven + grant.ttl);
}

void LockChecker::holds(std::uint64_t session, std::uint64_t number, Time proven, Time asked) {
  const auto found = grants_.find(number);
  if (found == grants_.end() || found->second.session != session)
    throw Violation{fmt::format("lock {} was never granted to {:x}", number, session)};
  // It may be over already, by a release of the session's own or with the server.
  if (found->second.released) return;
  // Later signs of the session do not renew a named owner's lock.
  const Time when = found->second.named ? asked : proven;
  found->second.proven = std::max(found->second.proven, when);
  const Time end = found->second.proven + found->second.ttl;
  found->second.believed = world_.time() < end;
  if (!found->second.believed) found->second.ended = std::min(found->second.ended, end);
}

void LockChecker::proven(std::uint64_t session, Time when) {
  for (auto& [number, grant] : grants_) {
    if (grant.session != session || grant.named) continue;
    // An answer that came after the time to live says nothing of the lock.
    if (!is_held(grant)) stop_believing(grant);
    if (!grant.doubted) grant.proven = std::max(grant.proven, when);
  }
}

// A restarted server renews a lock by nothing but the question about it, which goes over the
// control connection alone. Pings over the other one may be answered long before that: a client
// that took them for proofs would rely on a lock whose time is over.
void LockChecker::doubts_all(std::uint64_t session) {
  for (auto& [number, grant] : grants_)
    if (grant.session == session && !grant.named) grant.doubted = true;
}

void LockChecker::confirmed(std::uint64_t session, std::uint64_t number, Time when) {
  const auto found = grants_.find(number);
  if (found == grants_.end() || found->second.session != session)
    throw Violation{
        fmt::format("lock {} of {:x} was confirmed and never granted", number, session)};
  Grant& grant = found->second;
  // As above: what comes so late, its client would have to ask again.
  if (!is_held(grant)) return stop_believing(grant);
  grant.doubted = false;
  grant.proven = std::max(grant.proven, when);
}

void LockChecker::lets_go(std::uint64_t number) {
  if (const auto found = grants_.find(number); found != grants_.end())
    stop_believing(found->second);
}

bool LockChecker::has_shared(std::uint64_t session) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const auto& entry) {
    const Grant& grant = entry.second;
    return grant.session == session && !grant.released && grant.claims[0].shared;
  });
}

void LockChecker::loses_all(std::uint64_t session) {
  for (auto& [number, grant] : grants_)
    if (grant.session == session && !grant.named) stop_believing(grant);
}

}  // namespace sluice::sim
