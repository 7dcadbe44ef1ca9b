// `sluice rm`: each path is removed at once, with all beneath it; a failure does not keep the
// others.
#include "client/shell/commands/commands.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

struct Options {
  bool recursive = false;
  Change change;
  std::vector<std::string> paths;
};

int rm(const Options& options, Invocation& run) {
  for (const std::string& typed : options.paths) {
    const std::string path = remote_path(typed);
    try {
      const LockWaitNote note(run, {path}, options.change, true);
      const std::uint64_t version = run.client().remove(
          path, options.recursive, run.under_own_lock(options.change, {path}), run.call());
      print_change(run, path, version);
    } catch (const Error& error) {
      run.report(error);
    }
  }
  return run.status();
}

}  // namespace

void add_rm(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command =
      line.add({"rm", "Remove files and directories.", "[-r] [--token T] [--wait SECONDS] PATH...",
                "  sluice rm results/old results/older\n  sluice rm -r results"},
               [options](Invocation& run) { return rm(*options, run); });
  command.flag("-r", options->recursive, "Directories with all that is in them");
  command.change_options(options->change);
  command.operands("PATH...", options->paths, 1);
}

}  // namespace sluice::shell
