// Transfers of large files through the client library, one thread a client.
#pragma once

#include "bench/options.hpp"
#include "bench/result.hpp"

namespace sluice::bench {

/// get (to nowhere) and put (from memory) of files of any size, as often as fits into the time, at
/// least once by each client. Throws sluice::Error.
Result run_large(const Options& options);

}  // namespace sluice::bench
