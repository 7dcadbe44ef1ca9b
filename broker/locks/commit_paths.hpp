// Which paths a change touches, as claims: what its implicit lock takes, and what its token must
// cover. Pure functions. Read on: lock_commits.cpp.
#pragma once

#include <vector>

#include "protocol/messages/commits.hpp"
#include "protocol/messages/locks.hpp"

namespace sluice::broker::locks {

/// The claims of the change's implicit lock; all are exclusive against explicit locks. A removal or
/// a rename takes the whole tree at its paths: it may be a directory. Fails with `bad_message`
/// (unknown kind) or `bad_path`.
protocol::Result<std::vector<protocol::LockClaim>> claims_of(const protocol::Commit& commit);

/// Whether an exclusive lock of just the path covers this claim of the change: a removal or rename
/// that is not recursive takes nothing away but the path itself.
bool path_suffices(const protocol::Commit& commit, const protocol::LockClaim& claim);

}  // namespace sluice::broker::locks
