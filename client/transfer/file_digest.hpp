// The digest that a local file has once it is stored, without storing it. Runs on the thread of the
// call. Read on: client/transfer/input.hpp.
#pragma once

#include <string>

#include "protocol/digest.hpp"
#include "protocol/errors.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

/// Fails with `local_io`, `cancelled`.
protocol::Result<protocol::Digest> digest_of_file(const std::string& path, const Call& call);

}  // namespace sluice::client
