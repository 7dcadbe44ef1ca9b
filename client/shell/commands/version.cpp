// `sluice version`: of this program; `ping` tells the server's.
#include "client/shell/commands/commands.hpp"
#include "client/shell/json.hpp"

namespace sluice::shell {

void add_version(CommandLine& line) {
  line.add({"version", "Print the version of this program.", "", "  sluice version"},
           [](Invocation& run) {
             const std::string text =
                 run.json() ? JsonObject().add("sluice", version()).text() : "sluice " + version();
             run.out().print(text + "\n");
             return 0;
           });
}

}  // namespace sluice::shell
