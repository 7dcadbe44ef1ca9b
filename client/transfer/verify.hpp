// A file checked where it is stored: pieces of it are looked at by the server's workers, several at
// once, and only digests come back. Runs on the thread of the call. Read on: docs/protocol.md,
// "Reading".
#pragma once

#include <optional>

#include "client/requester.hpp"
#include "protocol/errors.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

/// What was found; damage is no failure. A file that is replaced meanwhile is looked at anew. Fails
/// with what the server says, `condition_failed` (replaced again and again), `cancelled`,
/// `timed_out`.
protocol::Result<Verification> verify(Requester& requester, const std::string& path,
                                      const Call& call,
                                      std::optional<std::chrono::milliseconds> patience = {});

}  // namespace sluice::client
