// See claims.hpp.
#include "tests/sim/claims.hpp"

#include <algorithm>

#include "protocol/path.hpp"

namespace sluice::sim {

using protocol::ChangeKind;
using protocol::LockClaim;

bool conflict(const LockClaim& one, const LockClaim& other) {
  if (one.shared && other.shared) return false;
  return one.path == other.path || (one.tree && protocol::is_within(other.path, one.path)) ||
         (other.tree && protocol::is_within(one.path, other.path));
}

bool conflict(const Claims& one, const Claims& other) {
  return std::any_of(one.begin(), one.end(), [&](const LockClaim& a) {
    return std::any_of(other.begin(), other.end(),
                       [&](const LockClaim& b) { return conflict(a, b); });
  });
}

Claims claims_of(const protocol::Commit& commit) {
  const bool tree = commit.recursive;
  Claims claims{{commit.path, tree, false}};
  if (commit.kind == ChangeKind::rename) claims.push_back({commit.to_path, tree, false});
  return claims;
}

Claims claims_taken_by(const protocol::Commit& commit) {
  Claims claims = claims_of(commit);
  if (commit.kind == ChangeKind::remove || commit.kind == ChangeKind::rename)
    for (LockClaim& claim : claims) claim.tree = true;
  for (const std::string& parent : commit.missing_parents) claims.push_back({parent});
  return claims;
}

bool covers(const Claims& held, const LockClaim& wanted) {
  return std::any_of(held.begin(), held.end(), [&](const LockClaim& claim) {
    return !claim.shared && (claim.path == wanted.path ||
                             (claim.tree && protocol::is_within(wanted.path, claim.path)));
  });
}

Claims with_mode(Claims claims, bool shared) {
  for (LockClaim& claim : claims) claim.shared = shared;
  return claims;
}

}  // namespace sluice::sim
