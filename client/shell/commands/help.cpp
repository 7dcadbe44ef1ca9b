// `sluice help`: what --help says.
#include "client/shell/commands/commands.hpp"

namespace sluice::shell {

void add_help(CommandLine& line) {
  auto names = std::make_shared<std::vector<std::string>>();
  Command command = line.add({"help", "Say what commands there are, or what one does.", "[COMMAND]",
                              "  sluice help\n  sluice help put"},
                             [names, &line](Invocation& run) {
                               run.out().print(line.help(names->empty() ? "" : names->front()));
                               return 0;
                             });
  command.operands("COMMAND", *names, 0, 1);
}

}  // namespace sluice::shell
