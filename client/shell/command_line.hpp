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
  /// Any text, or one of these.
  Command& text(const std::string& name, const std::string& unit, std::string& value,
                const std::string& description, std::vector<std::string> allowed = {});
  /// A whole number.
  Command& number(const std::string& name, const std::string& unit,
                  std::optional<std::uint64_t>& value, const std::string& description);
  /// A duration up to a day: see parsed_seconds().
  Command& seconds(const std::string& name, std::chrono::milliseconds& duration,
                   const std::string& description);
  /// --token and --wait of what changes something.
  Command& change_options(Change& change);
  /// --durability of what stores files.
  Command& durability_option(Change& change);
  /// Paths, from `min` to `max` of them, exactly as typed. `usage` is what messages call them, and
  /// says what each is: LOCAL is a path of this machine, SRC and DST one of either, LOCK a lock of
  /// the shell or a token, NUMBER the number of a lock, COMMAND a command, STATUS a number,
  /// DIRECTORY one of the server or '-', everything else a path of the server; "X... Y" are some
  /// and one.
  Command& operands(const std::string& usage, std::vector<std::string>& operands, int min,
                    int max = no_limit);

  static constexpr int no_limit = -1;

 private:
  /// The same for what is more than text; told of a value that is allowed.
  Command& text(const std::string& name, const std::string& unit,
                std::function<void(const std::string&)> take, const std::string& description,
                std::vector<std::string> allowed);

  CLI::App& app_;
};

/// What an argument is to the command it belongs to.
enum class Role {
  command,
  option,
  /// Of an option, as an argument of its own; or a number.
  value,
  /// A `--` that ends options or sets apart a command to be run.
  mark,
  /// The command to be run, and its arguments.
  child,
  /// Operands: a path of the server (of a directory there), of this machine, of one of both, a lock
  /// of the shell, the number of any, the name of a command.
  remote,
  directory,
  local,
  /// Of the server behind a ':', else of this machine.
  either,
  own_lock,
  lock_number,
  command_name,
  /// Where there is no such command.
  unknown,
};

/// What can be said of a name in a list: a command, an option.
struct Described {
  std::string name;
  std::string description;
};

class CommandLine {
 public:
  /// With the seat of a shell, the line is one of those typed there: the server cannot be chosen
  /// any more.
  explicit CommandLine(const Seat* shell = nullptr);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command add(const CommandText& text, Action action);
  /// Fills what was defined. An exit status if there is nothing to be done any more: after --help,
  /// or a mistake, which was printed. Throws BrokenPipe.
  std::optional<int> parse(int argc, const char* const* argv);
  /// The same; the arguments do not begin with the name of the program.
  std::optional<int> parse(std::vector<std::string> arguments);

  /// Which line of a script this is, for what is said of mistakes.
  void set_script_line(std::size_t number) { global_.script_line = number; }

  /// One for each argument. Which operand is what follows from what operands() was told.
  std::vector<Role> roles(const std::vector<std::string>& arguments) const;
  /// Whether a second `--` sets apart a command to be run.
  static bool takes_child(const std::string& command);
  std::vector<Described> commands() const;
  /// Of a command, with those of all; of none: those before the command.
  std::vector<Described> options(const std::string& command) const;
  /// What --help prints of a command, or of all if it is "". Throws `usage`.
  std::string help(const std::string& command) const;

  const Global& global() const { return global_; }
  /// Empty if there was no command.
  const Action& action() const { return action_; }
  /// What -c was given; with -e and without a command.
  const std::optional<std::string>& script() const { return script_; }
  bool ends_at_error() const { return ends_at_error_; }
  /// Behind the `--` of `lock`; empty if there was none.
  const std::vector<std::string>& child_command() const { return child_command_; }

 private:
  const CLI::App* find(const std::string& command) const;
  void add_global_options();
  std::size_t set_apart_child(std::vector<std::string>& arguments, std::size_t mark,
                              bool has_operands);
  int print_help(const CLI::ParseError& request) const;
  int usage_error(const std::string& command, const std::string& what) const;

  std::unique_ptr<CLI::App> app_;
  Global global_;
  Action action_;
  const bool in_shell_;
  std::optional<std::string> script_;
  bool ends_at_error_ = false;
  std::vector<std::string> child_command_;
};

}  // namespace sluice::shell
