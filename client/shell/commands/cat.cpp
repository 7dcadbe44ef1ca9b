// `sluice cat`: one version of a file to standard output, with --json too.
#include "client/shell/commands/commands.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

int cat(const std::string& path, Invocation& run) {
  auto sink = [&run](std::uint64_t, std::string_view bytes) { run.out().write(bytes); };
  run.client().get(path, sink, run.call());
  return 0;
}

}  // namespace

void add_cat(CommandLine& line) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = line.add(
      {"cat", "Write a file to standard output.", "PATH", "  sluice cat results/today | less"},
      [paths](Invocation& run) { return cat(remote_path(paths->front()), run); });
  command.operands("PATH", *paths, 1, 1);
}

}  // namespace sluice::shell
