// How broker and lock actor notice that their process was stopped (SIGSTOP, a suspended machine):
// they are called much later than they asked for. Then signs of life lie unread in the sockets, and
// nothing may end before these are heard. Read on: docs/architecture.md, "Locks over restarts and
// pauses".
#pragma once

#include "protocol/limits.hpp"
#include "runtime/actor.hpp"

namespace sluice::broker {

/// How often they ask to be called while anything lives by time.
inline constexpr runtime::Time look_every{100};

/// Being called later than this is a pause. A session with the shortest lease says a third of it
/// after its last sign that it lives, so that a shorter pause ends nobody's lease.
inline constexpr runtime::Time pause_noticed{protocol::limits::lease_min_ms / 2};

}  // namespace sluice::broker
