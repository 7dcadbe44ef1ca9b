// From errno to the errors of the protocol: the one place that knows both. Pure functions.
#pragma once

#include <cerrno>
#include <string_view>

#include "protocol/errors.hpp"

namespace sluice::storage {

/// The code that a failed system call means to a client; `io_error` for all that has no row of its
/// own.
protocol::Code code_of(int error);

/// An error of the system about `path` while `doing` something ("writing an upload"). The detail
/// names both what was done and what the system said, except where the code says it all.
tl::unexpected<protocol::Error> failure(std::string_view path, std::string_view doing,
                                        int error = errno);

}  // namespace sluice::storage
