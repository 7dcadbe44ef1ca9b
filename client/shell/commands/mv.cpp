// `sluice mv`: renames on the server; into a directory if the target is one.
#include "client/shell/commands/commands.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

struct Options {
  bool keep_existing = false;
  Change change;
  std::vector<std::string> paths;
};

int mv(const Options& options, Invocation& run) {
  const std::string from = remote_path(options.paths[0]);
  const std::string to = target_on_server(run, from, options.paths[1]);
  const LockWaitNote note(run, {from, to}, options.change, true);
  Change change = run.under_own_lock(options.change, {from, to});
  change.if_absent = options.keep_existing;
  print_change(run, to, run.client().rename(from, to, change, run.call()));
  return 0;
}

}  // namespace

void add_mv(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {"mv", "Rename, or move into a directory.", "[-n] [--token T] [--wait SECONDS] FROM TO",
       "  sluice mv results/new results/today\n  sluice mv -n results/today archive/"},
      [options](Invocation& run) { return mv(*options, run); });
  command.flag("-n", options->keep_existing, "Fail (exit 4) where there is something already");
  command.change_options(options->change);
  command.operands("FROM TO", options->paths, 2, 2);
}

}  // namespace sluice::shell
