// The command line: CLI11 with what a file tool needs beyond it. Operands reach the commands
// exactly as they were typed (CLI11 alone would split "[a,b]"), and what stands behind `--` of
// `lock` is set apart. Main thread. Read on: commands/.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "sluice/types.hpp"

namespace sluice::shell {

/// Does a command and returns the exit status. Throws Error.
using Action = std::function<int(Invocation&)>;

/// What `--help` says of a command.
struct CommandText {
  std::string name;
  std::string description;
  std::string usage;
  std::string examples;
};

class CommandLine {
 public:
  CommandLine();

  /// A new command; the reference lives as long as this.
  CLI::App& add(const CommandText& text, Action action);
  /// Fills what was defined. An exit status if there is nothing to be done any more: after --help,
  /// or a mistake, which was printed.
  std::optional<int> parse(int argc, const char* const* argv);

  const Global& global() const { return global_; }
  const Action& action() const { return action_; }
  /// Behind the `--` of `lock`; empty if there was none.
  const std::vector<std::string>& child_command() const { return child_command_; }

 private:
  int usage_error(const std::string& command, const std::string& what) const;

  CLI::App app_;
  Global global_;
  Action action_;
  std::vector<std::string> child_command_;
};

/// Paths and the like, from `min` to `max` of them; a negative max is none.
void add_operands(CLI::App& command, std::vector<std::string>& operands, int min, int max);

/// A duration in seconds, fractions allowed, up to a day.
void add_seconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& duration,
                 const std::string& description);

/// --token and --wait of the commands that change something.
void add_change_options(CLI::App& command, Change& change);

}  // namespace sluice::shell
