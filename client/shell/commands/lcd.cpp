// `lcd` and `lls` of the shell: the directory of this machine that local paths start from.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "client/shell/child.hpp"
#include "client/shell/commands/commands.hpp"

namespace sluice::shell {
namespace {

struct ListOptions {
  bool details = false;
  bool all = false;
  std::vector<std::string> paths;
};

int lcd(const std::vector<std::string>& paths, Invocation& run) {
  const char* home = std::getenv("HOME");
  if (paths.empty() && home == nullptr) throw Error("usage", "lcd", "$HOME is not set");
  const std::string path = paths.empty() ? home : paths.front();
  if (::chdir(path.c_str()) != 0) {
    const char* code = errno == ENOENT    ? "not_found"
                       : errno == ENOTDIR ? "not_directory"
                                          : "local_io";
    throw Error(code, path,
                std::strcmp(code, "local_io") == 0 ? std::strerror(errno) : "on this machine");
  }
  char* here = ::getcwd(nullptr, 0);
  if (here && run.out().is_terminal()) run.out().print(std::string(here) + "\n");
  std::free(here);
  return 0;
}

// The system's own ls, which knows its user's habits.
int lls(const ListOptions& options, Invocation& run) {
  std::vector<std::string> command{"ls"};
  if (options.details) command.emplace_back("-l");
  if (options.all) command.emplace_back("-a");
  command.emplace_back("--");
  command.insert(command.end(), options.paths.begin(), options.paths.end());
  const LentSignals signals(run.interruption());
  try {
    Child child(command, {}, run.interruption().original_mask());
    return child.wait();
  } catch (const std::system_error& error) {
    throw Error("cannot_run", "ls", error.code().message());
  }
}

}  // namespace

void add_lcd(CommandLine& line) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = line.add({"lcd", "Go to a directory of this machine.", "[LOCAL]",
                              "  lcd ~/results", "Without LOCAL: home."},
                             [paths](Invocation& run) { return lcd(*paths, run); });
  command.operands("LOCAL", *paths, 0, 1);
}

void add_lls(CommandLine& line) {
  auto options = std::make_shared<ListOptions>();
  Command command = line.add({"lls", "List a directory of this machine, with its ls.",
                              "[-l] [-a] [LOCAL...]", "  lls\n  lls -l *.csv"},
                             [options](Invocation& run) { return lls(*options, run); });
  command.flag("-l", options->details, "Mode, owner, size and time too");
  command.flag("-a", options->all, "Names that begin with '.' too");
  command.operands("LOCAL...", options->paths, 0);
}

}  // namespace sluice::shell
