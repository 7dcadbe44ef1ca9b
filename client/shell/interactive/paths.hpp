// Remote paths as they are typed in a shell that stands in a directory. Pure functions. Read on:
// operands.hpp.
#pragma once

#include <string>

namespace sluice::shell {

/// The path of the server that is meant: "/x" from the root, else from `directory`; "." and ".."
/// are taken away, and nothing is above the root. A slash at the end stays, "" is the root.
std::string resolved(const std::string& directory, const std::string& typed);

}  // namespace sluice::shell
