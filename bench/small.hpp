// Operations of one message each way, driven by one thread over as many sockets as there are
// clients, so that what is measured is the server and not the scheduling of client threads.
#pragma once

#include "bench/options.hpp"
#include "bench/result.hpp"

namespace sluice::bench {

/// get and put of files up to 128 KiB, lock, lock-contended. Throws std::runtime_error when the
/// server does not answer.
Result run_small(const Options& options);

}  // namespace sluice::bench
