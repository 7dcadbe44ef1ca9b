// `sluice mkdir`.
#include "client/shell/commands/commands.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

struct Options {
  bool parents = false;
  Change change;
  std::vector<std::string> paths;
};

int mkdir(const Options& options, Invocation& run) {
  const std::string path = remote_path(options.paths.front());
  const LockWaitNote note(run, {path}, options.change);
  const std::uint64_t version = run.client().make_directory(
      path, options.parents, run.under_own_lock(options.change, {path}), run.call());
  print_change(run, path, version);
  return 0;
}

}  // namespace

void add_mkdir(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command =
      line.add({"mkdir", "Make a directory.", "[-p] [--token T] [--wait SECONDS] PATH",
                "  sluice mkdir results\n  sluice mkdir -p results/2024/11"},
               [options](Invocation& run) { return mkdir(*options, run); });
  command.flag("-p", options->parents, "Missing parents too; no error if it is there already");
  command.change_options(options->change);
  command.operands("PATH", options->paths, 1, 1);
}

}  // namespace sluice::shell
