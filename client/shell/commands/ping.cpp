// `sluice ping`: whether the server is there, and what it says of itself.
#include <fmt/format.h>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/json.hpp"

namespace sluice::shell {
namespace {

int ping(Invocation& run) {
  const ServerStatus status = run.client().ping(run.call());
  if (run.json()) {
    run.out().print(JsonObject()
                        .add("endpoint", run.server())
                        .add("server", status.server)
                        .add("protocol_version", status.protocol_version)
                        .add("epoch", status.epoch)
                        .add("workers", status.workers)
                        .add("jobs_under_way", status.jobs_under_way)
                        .add("round_trip_us", status.round_trip.count())
                        .text() +
                    "\n");
    return 0;
  }
  run.out().print(fmt::format(
      "{}: {}, protocol {}, epoch {}, {} worker{}, {} request{} under way, {:.1f} ms\n",
      run.server(), one_line(status.server), status.protocol_version, status.epoch, status.workers,
      status.workers == 1 ? "" : "s", status.jobs_under_way, status.jobs_under_way == 1 ? "" : "s",
      static_cast<double>(status.round_trip.count()) / 1000));
  return 0;
}

}  // namespace

void add_ping(CommandLine& line) {
  line.add({"ping", "Ask the server whether it is there.", "",
            "  sluice ping\n  sluice --server tcp://files.example:5970 ping"},
           ping);
}

}  // namespace sluice::shell
