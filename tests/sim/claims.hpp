// What conflicts and what a change needs, told once more for the checkers: written for plainness,
// not from the lock table's code. Read on: lock_checker.hpp, queue_checker.hpp.
#pragma once

#include <utility>
#include <vector>

#include "protocol/messages/commits.hpp"
#include "protocol/messages/locks.hpp"
#include "runtime/message.hpp"

namespace sluice::sim {

using Claims = std::vector<protocol::LockClaim>;

bool conflict(const protocol::LockClaim& one, const protocol::LockClaim& other);
bool conflict(const Claims& one, const Claims& other);

/// What a change needs for itself.
Claims claims_of(const protocol::Commit& commit);
/// What it takes without a token: where something may vanish or be replaced the whole tree, as its
/// kind on the disk is not known for sure; and the parents that are made.
Claims claims_taken_by(const protocol::Commit& commit);

/// Whether one of them is exclusive and includes what is wanted.
bool covers(const Claims& held, const protocol::LockClaim& wanted);

/// The same, all shared or all exclusive.
Claims with_mode(Claims claims, bool shared);

/// Session and request id.
using RequestKey = std::pair<std::uint64_t, std::uint64_t>;
inline RequestKey key_of(const runtime::Message& message) {
  return {message.stamp.session, message.header.request_id};
}

}  // namespace sluice::sim
