// `sluice servers`: the names that --server knows, from sluice.conf. Asks no server.
#include "client/shell/servers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "client/shell/commands/commands.hpp"
#include "client/shell/json.hpp"

namespace sluice::shell {
namespace {

std::string json_of(const Server& server, bool is_default) {
  const Options& options = server.options;
  return JsonObject()
      .add("name", server.name)
      .add("endpoint", options.endpoint)
      .add("default", is_default)
      .add("client_name", options.name)
      .add("lease_ms", options.lease.count())
      .add("connect_timeout_ms", options.connect_timeout.count())
      .add("reconnect_limit_ms", options.reconnect_limit.count())
      .text();
}

int print_servers(Invocation& run) {
  const Servers servers = read_servers();
  std::size_t width = 0;
  for (const Server& server : servers.list) width = std::max(width, server.name.size());
  for (const Server& server : servers.list) {
    const bool is_default = server.name == servers.default_name;
    run.out().print((run.json() ? json_of(server, is_default)
                                : fmt::format("{} {:{}}  {}", is_default ? '*' : ' ', server.name,
                                              width, server.options.endpoint)) +
                    "\n");
  }
  return 0;
}

}  // namespace

void add_servers(CommandLine& line) {
  line.add({.name = "servers",
            .summary = "List the servers that sluice.conf names.",
            .usage = "",
            .examples = "  sluice servers\n  sluice --server lab ls",
            .details = "The one marked '*' is used where none is named; see man sluice.conf."},
           print_servers);
}

}  // namespace sluice::shell
