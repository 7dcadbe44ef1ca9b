// Options of `put` and `get`: see transfer_options.hpp.
#include "client/shell/transfer_options.hpp"

namespace sluice::shell {

void add_transfer_options(Command& command, TransferOptions& options,
                          const std::string& recursive_text) {
  command.flag("-r", options.recursive, recursive_text);
  command.flag("-n", options.keep_existing,
               "Replace nothing: a file that is there is an error (exit 4),\n"
               "with -r it is kept and counted, and only what is left is moved");
  command.flag("--progress", options.progress,
               "Where standard error is no terminal: a line of progress each\n"
               "second instead of one every ten");
  command.flag("-q,--quiet", options.quiet, "No progress and no summary, errors only");
}

void choose_progress(const std::string& command, const TransferOptions& options, Invocation& run) {
  if (options.quiet && options.progress)
    throw Error("usage", command, "--progress and --quiet are not for each other");
  if (options.quiet) run.progress().be_quiet();
  if (options.progress) run.progress().tell_often();
}

}  // namespace sluice::shell
