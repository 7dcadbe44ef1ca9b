// How long a request still has to wait when it is said again: a server that was restarted begins to
// count anew, and whoever asked to wait for ten seconds must not wait for twenty. Pure functions,
// any thread. Read on: client/session_resume.cpp.
#pragma once

#include <string>

#include "protocol/types.hpp"
#include "runtime/actor.hpp"

namespace sluice::client {

/// The body of a request of this type, `waited` after it was first sent: its `wait_ms`, if it has
/// one and that is not 0, is what is left of it, but `wait_again_min_ms` at least, so that the
/// server can look at it once.
std::string with_remaining_wait(protocol::Type type, const std::string& body, runtime::Time waited);

}  // namespace sluice::client
