// `exit` and `quit` of the shell, which then gives back its locks.
#include "client/shell/commands/commands.hpp"

namespace sluice::shell {
namespace {

int leave(Invocation& run) {
  run.seat().leave();
  return run.seat().last_status();
}

}  // namespace

void add_exit(CommandLine& line) {
  line.add({"exit", "Leave the shell, with the exit status of the command before.", "", "  exit"},
           leave);
}

void add_quit(CommandLine& line) {
  line.add({"quit", "The same as exit.", "", "  quit"}, leave);
}

}  // namespace sluice::shell
