// The command line: see command_line.hpp.
#include "client/shell/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iostream>
#include <utility>

#include "client/shell/seconds.hpp"

namespace sluice::shell {
namespace {

// CLI11 gives a meaning to some operands; behind this byte they have none.
constexpr char quote = '\x01';
// The option that takes them; messages call it what the usage does.
constexpr const char* operands_name = "paths";
constexpr const char* end_of_options = "--";
constexpr std::string_view command_with_child = "lock";
// Options before the command that ask for something else than a command.
constexpr const char* script_option = "-c";
constexpr const char* end_at_error_option = "-e";

std::string quoted(std::string argument) {
  const bool special = argument.starts_with('[') || argument.starts_with(quote) ||
                       argument.empty() || argument == "++" || argument == "%%" || argument == "{}";
  return special ? quote + argument : argument;
}

std::string unquoted(const std::string& argument) {
  return argument.starts_with(quote) ? argument.substr(1) : argument;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

class CommandFormatter : public CLI::Formatter {
 public:
  explicit CommandFormatter(std::string usage) : usage_(std::move(usage)) { column_width(26); }

  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: " + usage_ + "\n";
  }
  std::string make_positionals(const CLI::App*) const override { return ""; }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? "" : " " + option->get_option_text();
  }

 private:
  std::string usage_;
};

const std::string usage_begin = "sluice [--server SERVER] [--json] ";
constexpr const char* exit_statuses =
    "Exit status: 0 done, 1 other failure, 2 usage or a path no server accepts, 3 not found,\n"
    "4 exists, wrong type, not empty or condition failed, 5 locked or waited in vain,\n"
    "6 lock lost or not covering, 7 denied, 8 server unreachable or overloaded, 9 data damaged,\n"
    "130 interrupted.\n\n"
    "Without a command: a shell, or commands from standard input, one a line.\n\n"
    "Examples: sluice --server tcp://files.example:5970 ls -l results\n"
    "          sluice -e -c 'cd results; get *.csv .'";

// Where in the arguments the command's name stands; their number if there is none.
std::size_t find_command(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--server" || arguments[i] == "-c") {
      ++i;
    } else if (!arguments[i].starts_with('-')) {
      return i;
    }
  }
  return arguments.size();
}

bool looks_like_option(const std::string& argument) {
  return argument.starts_with("--") || (argument.size() > 1 && argument[0] == '-' &&
                                        std::isalpha(static_cast<unsigned char>(argument[1])) != 0);
}

// "--wait=3" -> "--wait", "-rn" -> "-r".
std::string option_name(const std::string& argument) {
  return argument.substr(0, argument[1] == '-' ? argument.find('=') : 2);
}

// What stands behind a command's name, without what its operands are.
enum class Part { option, value, operand, mark, child };

struct Walk {
  std::vector<Part> parts;
  /// Where the first `--` is that is none of an option's values; the number of arguments if there
  /// is none.
  std::size_t mark = 0;
  /// Whether there are operands before that.
  bool has_operands = false;
  /// The first that is not known; may be empty.
  std::string unknown_option;
};

Walk walk(const CLI::App& app, const CLI::App& command, const std::vector<std::string>& arguments,
          std::size_t begin) {
  const bool has_child = CommandLine::takes_child(command.get_name());
  Walk walk{.parts = {}, .mark = arguments.size(), .has_operands = false, .unknown_option = {}};
  bool is_value = false;
  bool operands_seen = false;
  for (std::size_t i = begin; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool options_ended = walk.mark < i;
    if (!walk.parts.empty() && walk.parts.back() == Part::child) {
      walk.parts.push_back(Part::child);
    } else if (std::exchange(is_value, false)) {
      walk.parts.push_back(Part::value);
    } else if (argument == end_of_options && (!options_ended || has_child)) {
      if (!options_ended) walk.mark = i;
      walk.parts.push_back(Part::mark);
      if (has_child && operands_seen) {
        walk.parts.resize(arguments.size() - begin, Part::child);
        break;
      }
    } else if (options_ended || !looks_like_option(argument)) {
      walk.parts.push_back(Part::operand);
      operands_seen = true;
      walk.has_operands |= !options_ended;
    } else {
      walk.parts.push_back(Part::option);
      const std::string name = option_name(argument);
      const CLI::Option* option = command.get_option_no_throw(name);
      if (option == nullptr) option = app.get_option_no_throw(name);
      if (option == nullptr && walk.unknown_option.empty()) walk.unknown_option = name;
      // Its value comes next, whatever that looks like.
      is_value = option != nullptr && option->get_items_expected_max() > 0 && name == argument;
    }
  }
  return walk;
}

// What is wrong with the number of operands, as a sentence; empty if nothing is.
std::string problem_of_count(const CLI::App& command, const std::vector<std::string>& given) {
  const std::size_t count = given.size();
  const CLI::Option* operands = command.get_option_no_throw(operands_name);
  if (operands == nullptr) return count == 0 ? "" : "it takes no arguments, not '" + given[0] + "'";
  const auto least = static_cast<std::size_t>(operands->get_expected_min());
  const auto most = static_cast<std::size_t>(operands->get_expected_max());
  if (least <= count && count <= most) return "";
  const std::size_t bound = count < least ? least : most;
  const char* kind = least == most ? "" : count < least ? "at least " : "at most ";
  return operands->get_option_text() + ": " + kind + std::to_string(bound) +
         (bound == 1 ? " argument is" : " arguments are") + (count < least ? " needed" : " taken") +
         ", not " + std::to_string(count);
}

// What the operand at `index` is, where the last one is there already.
Role operand_role(const std::string& usage, std::size_t index, std::size_t count) {
  const auto space = usage.find(' ');
  const bool is_last = index > 0 && index + 1 == count;
  const std::string name =
      space != std::string::npos && is_last ? usage.substr(space + 1) : usage.substr(0, space);
  if (name.starts_with("LOCAL")) return Role::local;
  if (name == "SRC" || name == "DST") return Role::either;
  if (name.starts_with("DIRECTORY")) return Role::directory;
  if (name.starts_with("LOCK")) return Role::own_lock;
  if (name.starts_with("NUMBER")) return Role::lock_number;
  if (name.starts_with("COMMAND")) return Role::command_name;
  if (name.starts_with("STATUS")) return Role::value;
  return Role::remote;
}

// What only other programs call is not in the lists.
bool is_hidden(const CLI::App& command) {
  return command.get_group().empty();
}

std::vector<Described> described_options(const CLI::App& app) {
  std::vector<Described> options;
  for (const CLI::Option* option : app.get_options()) {
    std::string text = option->get_description();
    text = text.substr(0, text.find('\n'));
    for (const std::string& name : option->get_snames()) options.push_back({"-" + name, text});
    for (const std::string& name : option->get_lnames())
      if (name != operands_name) options.push_back({"--" + name, text});
  }
  return options;
}

}  // namespace

CommandLine::CommandLine(const Seat* shell)
    : app_(std::make_unique<CLI::App>("Files and locks of a Sluice server.", "sluice")),
      in_shell_(shell != nullptr) {
  if (shell) global_ = shell->global();
  app_->require_subcommand(0, 1);
  app_->fallthrough();
  app_->set_help_flag("-h,--help", "Print this help and exit");
  app_->formatter(std::make_shared<CommandFormatter>(in_shell_ ? "COMMAND ..."
                                                               : usage_begin + "[COMMAND ...]"));
  app_->footer(in_shell_ ? "!COMMAND runs a command of this machine, 'help COMMAND' says more."
                         : exit_statuses);
  if (!in_shell_) add_global_options();
  app_->add_flag("--json", global_.json, "Print JSON, one object a line");
}

void CommandLine::add_global_options() {
  app_->set_version_flag("--version", "sluice " + version());
  app_->add_option(
          "--server", global_.server,
          "An endpoint, or a name of sluice.conf; default\n$SLUICE_SERVER, else sluice.conf's "
          "default, else\n" +
              Options().endpoint)
      ->envname("SLUICE_SERVER")
      ->option_text("SERVER");
  auto run = [this](const std::string& text) { script_ = unquoted(text); };
  app_->add_option_function<std::string>(script_option, run,
                                         "Run these commands of the shell, separated by ';'")
      ->option_text("COMMANDS");
  app_->add_flag(end_at_error_option, ends_at_error_,
                 "End with the first command that fails; for -c and commands\n"
                 "from a pipe");
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const CommandText& text, Action action) {
  CLI::App* command = app_->add_subcommand(text.name, text.summary);
  std::string usage = text.usage.empty() ? text.name : text.name + " " + text.usage;
  if (!in_shell_) usage = usage_begin + usage;
  command->formatter(std::make_shared<CommandFormatter>(usage));
  const std::string details = text.details.empty() ? "" : text.details + "\n\n";
  command->footer(details + "Examples:\n" + text.examples);
  if (text.name.starts_with("__")) command->group("");
  command->callback([this, action = std::move(action)] { action_ = action; });
  return Command(*command);
}

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
  return parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

std::optional<int> CommandLine::parse(std::vector<std::string> arguments) {
  const std::size_t at = find_command(arguments);
  const std::string command = at < arguments.size() ? arguments[at] : "";
  std::string unknown_option;
  std::size_t options_end = arguments.size();
  const CLI::App* known_command = find(command);
  std::string count_problem;
  bool has_empty_operand = false;
  if (known_command) {
    const Walk found = walk(*app_, *known_command, arguments, at + 1);
    unknown_option = found.unknown_option;
    options_end = found.mark;
    if (command == command_with_child)
      options_end = set_apart_child(arguments, found.mark, found.has_operands);
    std::vector<std::string> operands;
    for (std::size_t i = 0; at + 1 + i < arguments.size(); ++i)
      if (found.parts[i] == Part::operand) operands.push_back(arguments[at + 1 + i]);
    count_problem = problem_of_count(*known_command, operands);
    has_empty_operand = std::find(operands.begin(), operands.end(), "") != operands.end();
  }
  // CLI11 takes `--` for the end of a command whose operands are optional, so it never sees one.
  for (std::size_t i = 0; i < arguments.size(); ++i)
    arguments[i] = i > options_end ? quote + arguments[i] : quoted(std::move(arguments[i]));
  if (options_end < arguments.size())
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(options_end));
  // It is asked for before it is known whether the rest can be parsed.
  global_.json |= std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  if (!unknown_option.empty())
    return usage_error(command, "there is no option '" + unknown_option +
                                    "', and names that begin with '-' go behind '--'");
  // What completes a word is asked about empty ones.
  if (has_empty_operand && !is_hidden(*known_command))
    return usage_error(command, "an argument is empty; '.' is the directory itself");
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return print_help(error);
    // It speaks of numbers in words of its own.
    const bool about_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr;
    return usage_error(command,
                       count_problem.empty() || about_value ? error.what() : count_problem);
  }
  global_.server = unquoted(global_.server);
  if (known_command && (script_ || ends_at_error_))
    return usage_error(command, "-c and -e are for the shell, without a command");
  return std::nullopt;
}

std::vector<Role> CommandLine::roles(const std::vector<std::string>& arguments) const {
  std::vector<Role> roles(arguments.size(), Role::unknown);
  const std::size_t at = find_command(arguments);
  for (std::size_t i = 0; i < std::min(at, arguments.size()); ++i)
    roles[i] = arguments[i].starts_with('-') ? Role::option : Role::value;
  if (at >= arguments.size()) return roles;
  roles[at] = Role::command;
  const CLI::App* command = find(arguments[at]);
  if (command == nullptr) return roles;
  const std::vector<Part> parts = walk(*app_, *command, arguments, at + 1).parts;
  const CLI::Option* operands = command->get_option_no_throw(operands_name);
  const std::string usage = operands ? operands->get_option_text() : "";
  const auto count =
      static_cast<std::size_t>(std::count(parts.begin(), parts.end(), Part::operand));
  std::size_t index = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Role& role = roles[at + 1 + i];
    switch (parts[i]) {
      case Part::option:
        role = Role::option;
        break;
      case Part::value:
        role = Role::value;
        break;
      case Part::mark:
        role = Role::mark;
        break;
      case Part::child:
        role = Role::child;
        break;
      case Part::operand:
        if (operands) role = operand_role(usage, index++, count);
        break;
    }
  }
  return roles;
}

bool CommandLine::takes_child(const std::string& command) {
  return command == command_with_child;
}

std::vector<Described> CommandLine::commands() const {
  std::vector<Described> commands;
  for (const CLI::App* command : std::as_const(*app_).get_subcommands({}))
    if (!is_hidden(*command)) commands.push_back({command->get_name(), command->get_description()});
  return commands;
}

std::vector<Described> CommandLine::options(const std::string& command) const {
  std::vector<Described> options = described_options(*app_);
  const CLI::App* known = find(command);
  if (known == nullptr) return options;
  std::erase_if(options, [](const Described& option) {
    return option.name == script_option || option.name == end_at_error_option ||
           option.name == "--version" || option.name == "-h" || option.name == "--help";
  });
  const std::vector<Described> own = described_options(*known);
  options.insert(options.begin(), own.begin(), own.end());
  return options;
}

std::string CommandLine::help(const std::string& command) const {
  // help() alone would speak of the command that is being run.
  if (command.empty())
    return app_->get_formatter()->make_help(app_.get(), app_->get_name(),
                                            CLI::AppFormatMode::Normal);
  const CLI::App* known = find(command);
  if (known == nullptr) throw Error("usage", "help", "there is no command '" + command + "'");
  return known->help();
}

std::size_t CommandLine::set_apart_child(std::vector<std::string>& arguments, std::size_t mark,
                                         bool has_operands) {
  const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(mark);
  if (first == arguments.end()) return mark;
  // With no path before it, it ends the options as in other commands, and the next one is meant.
  auto child = has_operands ? first : std::find(first + 1, arguments.end(), end_of_options);
  if (child == arguments.end()) child = first;
  child_command_.assign(child + 1, arguments.end());
  arguments.erase(child, arguments.end());
  return mark;
}

const CLI::App* CommandLine::find(const std::string& command) const {
  auto has_name = [&](const CLI::App* candidate) { return candidate->get_name() == command; };
  const auto found = std::as_const(*app_).get_subcommands(has_name);
  return found.empty() ? nullptr : found.front();
}

int CommandLine::print_help(const CLI::ParseError& request) const {
  app_->exit(request, std::cout, std::cerr);
  if (std::cout.flush()) return 0;
  if (errno == EPIPE) throw BrokenPipe{};
  const Error error("local_io", "standard output", std::strerror(errno));
  print_error(error, global_);
  return error.exit_status();
}

int CommandLine::usage_error(const std::string& command, const std::string& what) const {
  const CLI::App* known = find(command);
  std::string text = what;
  if (!known && !command.empty()) text = "there is no command '" + command + "'";
  // It calls every value a text.
  constexpr std::string_view no_value = "1 required TEXT missing";
  if (text.ends_with(no_value))
    text.replace(text.size() - no_value.size(), no_value.size(), "a value is missing");
  text.erase(std::remove(text.begin(), text.end(), quote), text.end());
  print_error(Error("usage", known ? command : "", text), global_);
  return 2;
}

Command& Command::flag(const std::string& name, bool& value, const std::string& description) {
  app_.add_flag(name, value, description);
  return *this;
}

Command& Command::text(const std::string& name, const std::string& unit, std::string& value,
                       const std::string& description, std::vector<std::string> allowed) {
  return text(
      name, unit, [&value](const std::string& text) { value = text; }, description,
      std::move(allowed));
}

Command& Command::text(const std::string& name, const std::string& unit,
                       std::function<void(const std::string&)> take, const std::string& description,
                       std::vector<std::string> allowed) {
  auto parse = [name, take = std::move(take),
                allowed = std::move(allowed)](const std::string& typed) {
    const std::string value = unquoted(typed);
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      throw CLI::ValidationError(name, "'" + value + "' is none of " + list_of(allowed));
    take(value);
  };
  app_.add_option_function<std::string>(name, parse, description)->option_text(unit);
  return *this;
}

Command& Command::number(const std::string& name, const std::string& unit,
                         std::optional<std::uint64_t>& value, const std::string& description) {
  auto parse = [&value, name](const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size())
      throw CLI::ValidationError(name, "'" + text + "' is not a whole number");
    value = number;
  };
  app_.add_option_function<std::string>(name, parse, description)->option_text(unit);
  return *this;
}

Command& Command::seconds(const std::string& name, std::chrono::milliseconds& duration,
                          const std::string& description) {
  auto parse = [&duration, name](const std::string& text) {
    const auto parsed = parsed_seconds(text);
    if (!parsed)
      throw CLI::ValidationError(name, "'" + text + "' is not " + std::string(seconds_meaning));
    duration = *parsed;
  };
  app_.add_option_function<std::string>(name, parse, description)->option_text("SECONDS");
  return *this;
}

Command& Command::change_options(Change& change) {
  app_.add_option("--token", change.token, "Do it under this lock; default $SLUICE_LOCK_TOKEN")
      ->envname("SLUICE_LOCK_TOKEN")
      ->option_text("TOKEN");
  return seconds("--wait", change.wait, "Wait for somebody else's lock, 0 by default");
}

Command& Command::durability_option(Change& change) {
  const std::string relaxed = "relaxed";
  const std::string description =
      "When a file is stored: 'full', it is on the server's disk; 'relaxed',\n"
      "new files need not be: a power loss may take them back, whole";
  auto take = [&change, relaxed](const std::string& text) {
    change.durability = text == relaxed ? Durability::relaxed : Durability::full;
  };
  return text("--durability", "WHAT", std::move(take), description, {"full", relaxed});
}

Command& Command::operands(const std::string& usage, std::vector<std::string>& operands, int min,
                           int max) {
  CLI::Option* option = app_.add_option(operands_name, operands)->option_text(usage);
  option->expected(min, max == no_limit ? CLI::detail::expected_max_vector_size : max);
  if (min > 0) option->required();
  auto unquote = [](std::string& text) {
    text = unquoted(text);
    return std::string();
  };
  option->transform(CLI::Validator(unquote, ""));
  return *this;
}

}  // namespace sluice::shell
