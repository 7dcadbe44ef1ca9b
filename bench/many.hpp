// Trees of small files through the client library: thousands under way one after the other, none
// waited for before the next is sent, one thread a client.
#pragma once

#include "bench/options.hpp"
#include "bench/result.hpp"

namespace sluice::bench {

/// put-many (new files, from memory) and get-many (to memory) of files up to 128 KiB, as many trees
/// as fit into the time, at least one by each client. A latency is that of one file, from the call
/// until its answer is taken, which is in the order of the calls. Throws sluice::Error.
Result run_many(const Options& options);

}  // namespace sluice::bench
