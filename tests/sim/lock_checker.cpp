// See lock_checker.hpp.
#include "tests/sim/lock_checker.hpp"

#include <algorithm>

#include "protocol/path.hpp"

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::LockClaim;

namespace {

bool conflict(const LockClaim& one, const LockClaim& other) {
  if (one.shared && other.shared) return false;
  return one.path == other.path || (one.tree && protocol::is_within(other.path, one.path)) ||
         (other.tree && protocol::is_within(one.path, other.path));
}

bool conflict(const std::vector<LockClaim>& one, const std::vector<LockClaim>& other) {
  return std::any_of(one.begin(), one.end(), [&](const LockClaim& a) {
    return std::any_of(other.begin(), other.end(),
                       [&](const LockClaim& b) { return conflict(a, b); });
  });
}

// What a change needs for itself.
std::vector<LockClaim> claims_of(const protocol::Commit& commit) {
  const bool tree = commit.recursive;
  std::vector<LockClaim> claims{{commit.path, tree, false}};
  if (commit.kind == ChangeKind::rename) claims.push_back({commit.to_path, tree, false});
  return claims;
}

bool covers(const std::vector<LockClaim>& held, const LockClaim& wanted) {
  return std::any_of(held.begin(), held.end(), [&](const LockClaim& claim) {
    return !claim.shared && (claim.path == wanted.path ||
                             (claim.tree && protocol::is_within(wanted.path, claim.path)));
  });
}

std::pair<std::uint64_t, std::uint64_t> key_of(const Message& message) {
  return {message.stamp.session, message.header.request_id};
}

}  // namespace

void LockChecker::on_acquire(const Message& request) {
  if (const auto body = protocol::decode<protocol::AcquireLock>(request.body))
    asked_[key_of(request)] = body->claims;
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
  const Claims& claims = asked_.at(key_of(reply));
  for (const auto& [number, grant] : grants_)
    if (is_held(grant) && conflict(grant.claims, claims))
      throw Violation{fmt::format("lock {} on {} was granted while {} was held by {:x} until {}",
                                  token->number, claims[0].path, number, grant.session,
                                  (grant.proven + grant.ttl).count())};
  for (const auto& [number, commit] : under_way_)
    if (conflict(commit.claims, claims))
      throw Violation{fmt::format("lock {} on {} was granted while commit {} ({}) was under way",
                                  token->number, claims[0].path, number, commit.what)};
  Grant& grant = grants_[token->number];
  grant.session = reply.stamp.session;
  grant.claims = claims;
  grant.ttl = Time(body->ttl_ms);
  return true;
}

void LockChecker::on_release(const Message& request) {
  const auto body = protocol::decode<protocol::ReleaseLock>(request.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  if (token) releasing_[key_of(request)] = token->number;
}

void LockChecker::on_released(const Message& reply) {
  if (const auto found = releasing_.find(key_of(reply)); found != releasing_.end())
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
    if (later > token->number && conflict(other.claims, grant.claims))
      throw Violation{fmt::format("commit {} ({}) of {:x} went through under token {} after {}",
                                  number, commit.path, session, token->number, later)};
  for (const LockClaim& claim : claims_of(commit))
    if (!covers(grant.claims, claim))
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
  under_way_.erase(message.stamp.number);
}

void LockChecker::on_server_gone() {
  under_way_.clear();
}

void LockChecker::holds(std::uint64_t session, std::uint64_t number, Time when) {
  const auto found = grants_.find(number);
  if (found == grants_.end() || found->second.session != session)
    throw Violation{fmt::format("lock {} was never granted to {:x}", number, session)};
  // It may be over already, by a release of the session's own or with the server.
  if (found->second.released) return;
  found->second.proven = std::max(found->second.proven, when);
  found->second.believed = world_.time() < found->second.proven + found->second.ttl;
}

void LockChecker::proven(std::uint64_t session, Time when) {
  for (auto& [number, grant] : grants_) {
    if (grant.session != session) continue;
    // An answer that came after the time to live says nothing of the lock.
    if (!is_held(grant)) grant.believed = false;
    grant.proven = std::max(grant.proven, when);
  }
}

void LockChecker::lets_go(std::uint64_t number) {
  if (const auto found = grants_.find(number); found != grants_.end())
    found->second.believed = false;
}

bool LockChecker::has_shared(std::uint64_t session) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const auto& entry) {
    const Grant& grant = entry.second;
    return grant.session == session && !grant.released && grant.claims[0].shared;
  });
}

void LockChecker::loses_all(std::uint64_t session) {
  for (auto& [number, grant] : grants_)
    if (grant.session == session) grant.believed = false;
}

}  // namespace sluice::sim
