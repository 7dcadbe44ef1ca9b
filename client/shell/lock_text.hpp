// Locks as lists show them. Pure functions, any thread. Read on: commands/locks.cpp.
#pragma once

#include <string>

#include "sluice/types.hpp"

namespace sluice::shell {

/// "exclusive" or "shared".
std::string mode_word(const Claim& claim);
/// "tree" or "path".
std::string scope_word(const Claim& claim);
/// The object `lock` of docs/commands.md; `own`: this shell holds it.
std::string lock_json(const LockEntry& entry, bool own);

}  // namespace sluice::shell
