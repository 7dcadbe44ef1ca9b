// Numbers for the threads of work of this process: by them the server tells a request that would
// wait for ever from one that another thread will make way for. Any thread. Read on:
// docs/protocol.md, "Locks".
#pragma once

#include <cstdint>

namespace sluice::client {

/// One that nothing else in this process has; never 0.
std::uint64_t new_agent();

/// That of the calling thread, the same for its whole life.
std::uint64_t agent_of_this_thread();

}  // namespace sluice::client
