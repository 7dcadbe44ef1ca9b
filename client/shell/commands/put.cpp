// `sluice put`: from this machine to the server.
#include <unistd.h>

#include <algorithm>

#include "client/shell/commands/commands.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"
#include "client/shell/upload.hpp"

namespace sluice::shell {
namespace {

struct Options {
  UploadOptions upload;
  std::vector<std::string> paths;
};

int put_standard_input(const Options& options, const std::string& typed, Invocation& run) {
  const std::string path = remote_path(typed);
  if (names_directory(typed) || look_up(run, path) == Found::directory)
    throw Error("is_directory", typed, "standard input has no name of its own");
  Change change = run.under_own_lock(options.upload.change, {path});
  change.if_absent = options.upload.keep_existing;
  const LockWaitNote note(run, {path}, options.upload.change);
  InputStream input(STDIN_FILENO, "standard input", run.interruption());
  auto stream = [&](char* buffer, std::size_t size) { return input.read(buffer, size); };
  // Bars among what is typed would be in the way.
  if (::isatty(STDIN_FILENO) == 1) run.progress().be_quiet();
  run.progress().expect(1, 0);
  run.progress().totals_are_final();
  FileProgress progress(run.progress(), "standard input", 0);
  Call call = run.call();
  call.progress = progress.callback();
  const std::uint64_t version = run.client().put_stream(path, stream, change, call);
  run.progress().end();
  print_transfer(run, path, version);
  return 0;
}

int put(const Options& options, Invocation& run) {
  std::vector<std::string> sources = options.paths;
  const std::string typed = sources.back();
  sources.pop_back();
  choose_progress("put", options.upload, run);
  const bool one_file = sources.size() == 1 && !options.upload.recursive;
  if (options.upload.change.if_version && !one_file)
    throw Error("usage", "put", "--if-version is for a single file");
  if (std::find(sources.begin(), sources.end(), "-") != sources.end()) {
    if (!one_file) throw Error("usage", "put", "'-' is for a single file");
    return put_standard_input(options, typed, run);
  }
  const std::string remote = remote_path(typed);
  const auto targets = targets_of(sources, typed, remote, look_up(run, remote));
  const LockWaitNote note(run, targets, options.upload.change, options.upload.recursive);
  Upload upload(options.upload, run);
  for (std::size_t i = 0; i < sources.size(); ++i) upload.add(sources[i], targets[i]);
  upload.run();
  return run.status();
}

}  // namespace

void add_put(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {.name = "put",
       .summary = "Store files on the server.",
       .usage = "[-r] [-n] [-q] [--progress] [--if-version V] [--durability WHAT] [--token T] "
                "[--wait SECONDS] LOCAL... REMOTE",
       .examples = "  sluice put today.csv results/today.csv\n"
                   "  sluice put -r build/ results/\n"
                   "  sluice put -r -n build/ results/    # what an earlier one has left\n"
                   "  make-report | sluice put - results/report",
       .details =
           "Each file is stored whole or not at all, with its permission bits. "
           "REMOTE may be a directory,\n"
           "which the files then go into; with '/.' behind a directory what is in it goes there. "
           "So\n"
           "'put -r -n DIR/. NEW' goes on where an earlier 'put -r DIR NEW' was stopped. '-' is\n"
           "standard input. A large file that was cut off goes on where it was when it is put\n"
           "again within an hour."},
      [options](Invocation& run) { return put(*options, run); });
  add_transfer_options(
      command, options->upload,
      "Directories with all that is in them, with modes and times;\n"
      "links, special files and what a get has left unfinished are skipped with a\n"
      "warning");
  command.number("--if-version", "V", options->upload.change.if_version,
                 "Only if the file has this version now");
  command.durability_option(options->upload.change);
  command.change_options(options->upload.change);
  command.operands("LOCAL... REMOTE", options->paths, 2);
}

}  // namespace sluice::shell
