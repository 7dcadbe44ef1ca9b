// `sluice watch`: what happens at a path, a line an event, as it happens.
#include <fmt/format.h>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

/// How long one call may be without an event; the next one goes on.
constexpr std::chrono::hours quiet{1};

struct Options {
  bool recursive = false;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> count;
  std::vector<std::string> paths;
};

std::string kind_name(EventKind kind) {
  switch (kind) {
    case EventKind::put:
      return "put";
    case EventKind::remove:
      return "remove";
    case EventKind::rename:
      return "rename";
    case EventKind::make_directory:
      return "make_directory";
    case EventKind::set_attributes:
      return "set_attributes";
    case EventKind::lock:
      return "lock";
    case EventKind::unlock:
      return "unlock";
    case EventKind::convert:
      return "convert";
  }
  return fmt::format("kind_{}", static_cast<unsigned>(kind));
}

std::string row(std::string_view version, std::string_view kind, std::string_view what) {
  return fmt::format("{:>8} {:<14} {}\n", version, kind, what);
}

std::string line_of(const Event& event, bool to_terminal) {
  auto shown = [&](const std::string& name) { return to_terminal ? escaped(name) : name; };
  std::string what = event.path.empty() ? "." : shown(event.path);
  if (!event.to_path.empty()) what += " -> " + shown(event.to_path);
  if (event.lock_number != 0) {
    what += fmt::format(" ({} of {}, {} {}", event.lock_number, escaped(event.holder),
                        event.shared ? "shared" : "exclusive", event.tree ? "tree" : "path");
    what += event.ending.empty() ? ")" : ", " + escaped(event.ending) + ")";
  }
  return row(std::to_string(event.version), kind_name(event.kind), what);
}

std::string json_of(const Event& event) {
  JsonObject object;
  object.add("version", event.version).add("kind", kind_name(event.kind)).add("path", event.path);
  if (!event.to_path.empty()) object.add("to_path", event.to_path);
  if (event.lock_number != 0)
    object.add("number", event.lock_number)
        .add("holder", event.holder)
        .add("mode", event.shared ? "shared" : "exclusive")
        .add("scope", event.tree ? "tree" : "path");
  if (!event.ending.empty()) object.add("ending", event.ending);
  return object.text() + "\n";
}

// Events before this version are not known.
std::string gap_text(std::uint64_t version, bool json) {
  if (json) return JsonObject().add("version", version).add("kind", "gap").text() + "\n";
  return row(std::to_string(version), "gap",
             "what happened before is not known any more: look at the tree anew");
}

int watch(const Options& options, Invocation& run) {
  const std::string path =
      options.paths.empty() ? run.seat().directory() : remote_path(options.paths.front());
  Watcher watcher = run.client().watch(path, {options.recursive, options.from}, run.call());
  std::uint64_t left = options.count.value_or(UINT64_MAX);
  const bool to_terminal = run.out().is_terminal();
  while (left > 0) {
    const Events found = watcher.next(quiet, run.call());
    if (found.gap) {
      const std::uint64_t known = found.events.empty() ? found.next : found.events.front().version;
      run.out().print(gap_text(known, run.json()));
    }
    for (const Event& event : found.events) {
      if (left == 0) break;
      run.out().print(run.json() ? json_of(event) : line_of(event, to_terminal));
      --left;
    }
    run.out().flush();
  }
  return 0;
}

}  // namespace

void add_watch(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {"watch", "Print what happens to a path and the names in it, as it happens.",
       "[-r] [--from VERSION] [--count N] [PATH]",
       "  sluice watch --count 1 --from 0 results\n"
       "  sluice watch -r --from 0 --count 3",
       "A line for each change and each lock, in the order in which they were made: version, kind\n"
       "and path. It goes on until it is interrupted; a server that is away is waited for. 'gap'\n"
       "says that earlier events are not known (any more), as after a restart of the server."},
      [options](Invocation& run) { return watch(*options, run); });
  command.flag("-r", options->recursive, "And all beneath it");
  command.number("--from", "VERSION", options->from,
                 "Begin with what came after this version, 0: with\nall that is known; by default "
                 "with what comes now");
  command.number("--count", "N", options->count, "End after so many events");
  command.operands("PATH", options->paths, 0, 1);
}

}  // namespace sluice::shell
