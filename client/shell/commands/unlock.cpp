// `unlock` of the shell: gives back what `lock` without a command holds.
#include <optional>

#include "client/shell/commands/commands.hpp"
#include "client/shell/interactive/paths.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

struct Options {
  bool all = false;
  std::vector<std::string> locks;
};

int unlock(const Options& options, Invocation& run) {
  OwnLocks& locks = run.seat().locks();
  if (options.all != options.locks.empty())
    throw Error("usage", "unlock", "say which by path or number, or --all");
  if (options.all) {
    locks.release_all();
    return 0;
  }
  std::optional<Error> lost;
  for (const std::string& typed : options.locks) {
    const std::string path = remote_path(resolved(run.seat().directory(), typed));
    try {
      if (locks.release(path, typed) == 0)
        throw Error("not_found", typed, "this shell holds no such lock; 'locks' shows all");
    } catch (const Error& error) {
      // The others are given back all the same.
      if (error.code() == "fenced") {
        if (!lost) lost = error;
        continue;
      }
      run.report(error.path().empty() ? Error(error.code(), typed, error.detail()) : error);
    }
  }
  if (lost) throw Error(*lost);
  return run.status();
}

}  // namespace

void add_unlock(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command =
      line.add({"unlock", "Give back locks that this shell holds.", "[--all] [PATH|NUMBER...]",
                "  unlock results/today\n  unlock 17\n  unlock --all"},
               [options](Invocation& run) { return unlock(*options, run); });
  command.flag("--all", options->all, "All of them");
  command.operands("LOCK...", options->locks, 0);
}

}  // namespace sluice::shell
