// Servers by name: sluice.conf, and what --server means. The file is one of the user's or the
// machine's, never both; it is not read at all for an endpoint, so that a mistake in it is in
// nobody's way who names one. Main thread. Read on: docs/man/sluice.conf.5.scd, invocation.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/types.hpp"

namespace sluice::shell {

/// How to reach one server.
struct Server {
  /// As in sluice.conf; empty for a bare endpoint.
  std::string name;
  Options options;
};

/// What a sluice.conf says.
struct Servers {
  /// The file; empty if there is none.
  std::string file;
  /// One of `list`, or empty.
  std::string default_name;
  /// In the order of the file, each with a name and an endpoint.
  std::vector<Server> list;
};

/// The servers in the text of a file. Throws `bad_config` about "FILE:LINE".
Servers parse_servers(const std::string& file, std::string_view text);

/// The file that counts: $SLUICE_CONFIG, else the user's, else the machine's if they exist. Throws
/// `bad_config` if it cannot be read, too.
Servers read_servers();

/// What --server or $SLUICE_SERVER means: an endpoint (which has "://"), a name of sluice.conf, or
/// if empty the default of sluice.conf, else the endpoint of Options. Throws `usage` for a name
/// that nobody knows, `bad_config`.
Server resolve_server(const std::string& typed);

}  // namespace sluice::shell
