// The command line: CLI11 with what a file tool needs beyond it. Operands reach the commands
// exactly as they were typed (CLI11 alone would split "[a,b]"), and what stands behind `--` of
// `lock` is set apart. CLI11 stays in command_line.cpp, as it is slow to compile. Main thread. Read
// on: commands/.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "sluice/types.hpp"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace sluice::shell {

/// Does a command and returns the exit status. Throws Error.
using Action = std::function<int(Invocation&)>;

/// What `--help` says of a command.
struct CommandText {
  std::string name;
  /// One line, for the list of commands.
  std::string summary;
  std::string usage;
  std::string examples;
  /// Lines up to 95 columns; may be empty.
  std::string details = {};
};

/// One command of a CommandLine: what is added here is filled by parse(), and must live until then.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(app) {}

  Command& flag(const std::string& name, bool& value, const std::string& description);
  /// A whole number.
  Command& number(const std::string& name, const std::string& unit,
                  std::optional<std::uint64_t>& value, const std::string& description);
  /// A duration in seconds, fractions allowed, up to a day.
  Command& seconds(const std::string& name, std::chrono::milliseconds& duration,
                   const std::string& description);
  /// --token and --wait of what changes something.
  Command& change_options(Change& change);
  /// Paths, from `min` to `max` of them, exactly as typed. `usage` is what messages call them.
  Command& operands(const std::string& usage, std::vector<std::string>& operands, int min,
                    int max = no_limit);

  static constexpr int no_limit = -1;

 private:
  CLI::App& app_;
};

class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command add(const CommandText& text, Action action);
  /// Fills what was defined. An exit status if there is nothing to be done any more: after --help,
  /// or a mistake, which was printed. Throws BrokenPipe.
  std::optional<int> parse(int argc, const char* const* argv);

  const Global& global() const { return global_; }
  const Action& action() const { return action_; }
  /// Behind the `--` of `lock`; empty if there was none.
  const std::vector<std::string>& child_command() const { return child_command_; }

 private:
  const CLI::App* find(const std::string& command) const;
  std::size_t set_apart_child(std::vector<std::string>& arguments, std::size_t mark,
                              bool has_operands);
  int print_help(const CLI::ParseError& request) const;
  int usage_error(const std::string& command, const std::string& what) const;

  std::unique_ptr<CLI::App> app_;
  Global global_;
  Action action_;
  std::vector<std::string> child_command_;
};

}  // namespace sluice::shell
