// What stands before the cursor: server, directory, locks. Pure functions. Read on: shell.cpp.
#pragma once

#include <cstddef>
#include <string>

#include "client/shell/servers.hpp"

namespace sluice::shell {

/// Its name in sluice.conf, else "tcp://files:5970" -> "files:5970", "ipc:///run/sluiced.sock" ->
/// "sluiced.sock".
std::string server_name(const Server& server);

/// "sluice files:5970 /results [2 locks]> "; a long directory loses its beginning, so that half of
/// `columns` is left to type in.
std::string prompt_text(const std::string& server, const std::string& directory, std::size_t locks,
                        std::size_t columns);

}  // namespace sluice::shell
