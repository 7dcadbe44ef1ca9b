// `sluice stat`: what the server knows of one path.
#include <fmt/format.h>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

int stat(const std::string& path, Invocation& run) {
  const Attributes attributes = run.client().stat(path, run.call());
  if (run.json()) {
    run.out().print(attributes_json(path, attributes) + "\n");
    return 0;
  }
  std::string text;
  auto row = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:>8}: {}\n", label, value);
  };
  row("Path", path.empty() ? "(root)" : run.out().is_terminal() ? escaped(path) : path);
  row("Kind", std::string(kind_text(attributes.kind)));
  if (attributes.kind == Kind::file) {
    const std::string size = size_text(attributes.size_bytes);
    row("Size", fmt::format("{} bytes ({})", attributes.size_bytes, size));
  }
  row("Mode",
      fmt::format("{:04o} ({})", attributes.mode, mode_text(attributes.kind, attributes.mode)));
  row("Modified", exact_time_text(attributes.mtime_ns));
  if (attributes.kind == Kind::file) {
    row("Version", std::to_string(attributes.version));
    row("Digest", attributes.digest.empty() ? "(none stored)" : attributes.digest);
  }
  run.out().print(text);
  return 0;
}

}  // namespace

void add_stat(CommandLine& line) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command =
      line.add({"stat", "Show kind, size, mode, time, version and digest of a path.", "PATH",
                "  sluice stat results/today\n  sluice --json stat results/today"},
               [paths](Invocation& run) { return stat(remote_path(paths->front()), run); });
  command.operands("PATH", *paths, 1, 1);
}

}  // namespace sluice::shell
