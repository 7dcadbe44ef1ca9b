// `cd` and `pwd` of the shell: where remote paths start.
#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

void print_directory(const std::string& directory, Invocation& run) {
  if (run.json())
    run.out().print(JsonObject().add("path", directory).text() + "\n");
  else
    run.out().print("/" + (run.out().is_terminal() ? escaped(directory) : directory) + "\n");
}

int cd(const std::vector<std::string>& paths, Invocation& run) {
  Seat& seat = run.seat();
  const bool back = paths.empty() ? false : paths.front() == "-";
  const std::string path = back            ? seat.former_directory()
                           : paths.empty() ? ""
                                           : remote_path(paths.front());
  const Found found = look_up(run, path);
  if (found == Found::nothing) throw Error("not_found", path, {});
  if (found == Found::other) throw Error("not_directory", path, {});
  seat.change_directory(path);
  if (back) print_directory(path, run);
  return 0;
}

int pwd(Invocation& run) {
  print_directory(run.seat().directory(), run);
  return 0;
}

}  // namespace

void add_cd(CommandLine& line) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command =
      line.add({"cd", "Go to a directory of the server.", "[PATH]",
                "  cd results/2024\n  cd ..\n  cd /\n  cd -",
                "Without PATH, and with '/': to the root. '-' is where it came from."},
               [paths](Invocation& run) { return cd(*paths, run); });
  command.operands("DIRECTORY", *paths, 0, 1);
}

void add_pwd(CommandLine& line) {
  line.add({"pwd", "Print the directory of the server that paths start from.", "", "  pwd"}, pwd);
}

}  // namespace sluice::shell
