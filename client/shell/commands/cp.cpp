// `sluice cp`: copies one file on the server; into a directory if the target is one.
#include "client/shell/commands/commands.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

struct Options {
  Change change;
  std::vector<std::string> paths;
};

int cp(const Options& options, Invocation& run) {
  const std::string from = remote_path(options.paths[0]);
  const std::string to = target_on_server(run, from, options.paths[1]);
  const LockWaitNote note(run, {to}, options.change);
  print_change(run, to,
               run.client().copy(from, to, run.under_own_lock(options.change, {to}), run.call()));
  return 0;
}

}  // namespace

void add_cp(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add({"cp", "Copy one file on the server.",
                              "[--durability WHAT] [--token T] [--wait SECONDS] FROM TO",
                              "  sluice cp results/today archive/monday"},
                             [options](Invocation& run) { return cp(*options, run); });
  command.durability_option(options->change);
  command.change_options(options->change);
  command.operands("FROM TO", options->paths, 2, 2);
}

}  // namespace sluice::shell
