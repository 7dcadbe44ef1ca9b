// `unlock`: gives back a lock by its token, whoever took it, and in the shell what `lock` without a
// command holds there.
#include <optional>

#include "client/shell/commands/commands.hpp"
#include "client/shell/interactive/paths.hpp"
#include "client/shell/lock_operand.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

struct Options {
  bool all = false;
  std::vector<std::string> locks;
};

void unlock_one(const std::string& typed, Invocation& run) {
  const std::string path = remote_path(resolved(run.seat().directory(), typed));
  try {
    if (run.seat().locks().release(path, typed) > 0) return;
  } catch (const Error& error) {
    throw error.path().empty() ? Error(error.code(), typed, error.detail()) : error;
  }
  run.client().release(token_of(run, "unlock", typed), run.call());
}

int unlock(const Options& options, Invocation& run) {
  if (options.all && !run.seat().is_shell())
    throw Error("usage", "unlock", "--all is for the locks that a shell holds");
  if (options.locks.empty() && !run.seat().is_shell())
    throw Error("usage", "unlock", "say which lock, by its token");
  if (options.all != options.locks.empty())
    throw Error("usage", "unlock", "say which by token, path or number, or --all");
  if (options.all) {
    run.seat().locks().release_all();
    return 0;
  }
  std::optional<Error> lost;
  for (const std::string& typed : options.locks) {
    try {
      unlock_one(typed, run);
    } catch (const Error& error) {
      // The others are given back all the same.
      if (error.code() == "fenced" || error.code() == "lease_expired") {
        if (!lost) lost = error;
        continue;
      }
      run.report(error);
    }
  }
  if (lost) throw Error(*lost);
  return run.status();
}

}  // namespace

void add_unlock(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {"unlock", "Give back locks.", "[--all] [LOCK...]",
       "  sluice unlock 17-0123456789abcdef\n  sluice -c 'lock today; put new today; unlock today'",
       "LOCK is the token that 'lock --owner' has printed, or in the shell a path or number of a "
       "lock\nthat it holds."},
      [options](Invocation& run) { return unlock(*options, run); });
  command.flag("--all", options->all, "In the shell: all that it holds");
  command.operands("LOCK...", options->locks, 0);
}

}  // namespace sluice::shell
