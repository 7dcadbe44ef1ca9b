// `sluice get`: from the server to this machine.
#include <sys/stat.h>

#include "client/shell/commands/commands.hpp"
#include "client/shell/download.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

struct Options {
  TransferOptions transfer;
  std::vector<std::string> paths;
};

Found look_up_here(const std::string& local) {
  struct stat about {};
  if (::stat(local.c_str(), &about) != 0) return Found::nothing;
  return S_ISDIR(about.st_mode) ? Found::directory : Found::other;
}

int get_to_standard_output(const std::vector<std::string>& sources, Invocation& run) {
  auto sink = [&run](std::uint64_t, std::string_view bytes) { run.out().write(bytes); };
  // Bars among what is read would be in the way.
  if (run.out().is_terminal()) run.progress().be_quiet();
  run.progress().expect(sources.size(), 0);
  run.progress().totals_are_final();
  for (const std::string& source : sources) {
    try {
      FileProgress progress(run.progress(), source, 0);
      Call call = run.call();
      call.progress = progress.callback();
      run.client().get(remote_path(source), sink, call);
    } catch (const Error& error) {
      run.report(error);
    }
  }
  return run.status();
}

int get(const Options& options, Invocation& run) {
  std::vector<std::string> sources = options.paths;
  const std::string typed = sources.back();
  sources.pop_back();
  choose_progress("get", options.transfer, run);
  if (typed == "-") {
    if (options.transfer.recursive) throw Error("usage", "get", "'-' is for files, not for trees");
    return get_to_standard_output(sources, run);
  }
  const std::string local = without_slashes(typed);
  const auto targets = targets_of(sources, typed, local, look_up_here(local));
  Download download(options.transfer, run);
  for (std::size_t i = 0; i < sources.size(); ++i)
    download.add(remote_path(sources[i]), targets[i]);
  download.run();
  return run.status();
}

}  // namespace

void add_get(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {.name = "get",
       .summary = "Fetch files from the server.",
       .usage = "[-r] [-n] [-q] [--progress] REMOTE... LOCAL",
       .examples = "  sluice get results/today.csv .\n"
                   "  sluice get -r results/ backup/\n"
                   "  sluice get results/today.csv - | head",
       .details =
           "Each file appears when it is whole, with its permission bits. LOCAL may "
           "be a directory, which\n"
           "the files then go into; with '/.' behind a directory what is in it goes there. So\n"
           "'get -r -n DIR/. NEW' goes on where an earlier 'get -r DIR NEW' was stopped. '-' is\n"
           "standard output. A large file that was cut off, '.NAME.sluice-part.HEX', goes on "
           "where\n"
           "it was when it is fetched again."},
      [options](Invocation& run) { return get(*options, run); });
  add_transfer_options(command, options->transfer,
                       "Directories with all that is in them, with modes and times");
  command.operands("REMOTE... LOCAL", options->paths, 2);
}

}  // namespace sluice::shell
