// Claims of changes: see commit_paths.hpp.
#include "broker/locks/commit_paths.hpp"

#include "protocol/limits.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::locks {

using protocol::ChangeKind;
using protocol::Code;
using protocol::fail;

protocol::Result<std::vector<protocol::LockClaim>> claims_of(const protocol::Commit& commit) {
  std::vector<protocol::LockClaim> claims;
  switch (commit.kind) {
    case ChangeKind::none:
      break;
    case ChangeKind::put:
    case ChangeKind::set_attributes:
      claims.push_back({commit.path});
      break;
    case ChangeKind::make_directory:
      if (commit.missing_parents.size() > protocol::limits::path_depth)
        return fail(Code::bad_message, commit.path, "too many missing parents");
      claims.push_back({commit.path});
      for (const auto& parent : commit.missing_parents) claims.push_back({parent});
      break;
    case ChangeKind::remove:
      claims.push_back({commit.path, true});
      break;
    case ChangeKind::rename:
      claims.push_back({commit.path, true});
      claims.push_back({commit.to_path, true});
      break;
    default:
      return fail(Code::bad_message, commit.path, "unknown kind of change");
  }
  // The attributes of the root itself may be set; nothing else may be done to it.
  for (const auto& claim : claims) {
    const auto good = commit.kind == ChangeKind::set_attributes
                          ? protocol::check_path(claim.path)
                          : protocol::check_entry_path(claim.path);
    if (!good) return tl::make_unexpected(good.error());
  }
  return claims;
}

bool path_suffices(const protocol::Commit& commit, const protocol::LockClaim& claim) {
  return !claim.tree || !commit.recursive;
}

}  // namespace sluice::broker::locks
