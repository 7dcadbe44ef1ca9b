// What stands for a lock on a command line: a token, which may be anybody's; in the shell also a
// path or number of a lock that it holds. Main thread. Read on: own_locks.hpp, commands/unlock.cpp.
#pragma once

#include <string>
#include <string_view>

#include "client/shell/invocation.hpp"

namespace sluice::shell {

/// Whether this has the form of a token, NUMBER-SECRET.
bool is_token(std::string_view text);
/// Whether there is a token among its words, which is nobody's business.
bool mentions_token(std::string_view line);
/// What lists call the lock of a token; 0 for what is no token.
std::uint64_t number_of(const std::string& token);

/// The lock of this shell that is meant, by path, number or token; none if it holds no such.
/// Throws `usage` if it holds several.
OwnLock* own_lock(Invocation& run, const std::string& typed);
/// The token of the lock that is meant; where nothing is typed that of $SLUICE_LOCK_TOKEN. Throws
/// `usage` for `command`, `not_found`.
std::string token_of(Invocation& run, const std::string& command, const std::string& typed);

}  // namespace sluice::shell
