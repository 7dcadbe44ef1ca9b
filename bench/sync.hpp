// Large local files that change in one place at a time and are brought to the server again, through
// the client library, one thread a client.
#pragma once

#include "bench/options.hpp"
#include "bench/result.hpp"

namespace sluice::bench {

/// sync of files larger than a chunk, as often as fits into the time, at least once by each client.
/// The files lie under $TMPDIR (default /tmp) meanwhile. Throws sluice::Error, std::system_error.
Result run_sync(const Options& options);

}  // namespace sluice::bench
