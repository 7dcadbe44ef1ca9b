// The command line: see command_line.hpp.
#include "client/shell/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

namespace sluice::shell {
namespace {

// CLI11 gives a meaning to some operands; behind this byte they have none.
constexpr char quote = '\x01';
// The option that takes them; messages call it what the usage does.
constexpr const char* operands_name = "paths";
constexpr const char* end_of_options = "--";

std::string quoted(std::string argument) {
  const bool special = argument.starts_with('[') || argument.starts_with(quote) ||
                       argument.empty() || argument == "++" || argument == "%%" || argument == "{}";
  return special ? quote + argument : argument;
}

std::string unquoted(const std::string& argument) {
  return argument.starts_with(quote) ? argument.substr(1) : argument;
}

class CommandFormatter : public CLI::Formatter {
 public:
  explicit CommandFormatter(std::string usage) : usage_(std::move(usage)) { column_width(26); }

  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: sluice [--server ENDPOINT] [--json] " + usage_ + "\n";
  }
  std::string make_positionals(const CLI::App*) const override { return ""; }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_option_text().empty() ? "" : " " + option->get_option_text();
  }

 private:
  std::string usage_;
};

constexpr const char* exit_statuses =
    "Exit status: 0 done, 1 other failure, 2 usage or a path no server accepts, 3 not found,\n"
    "4 exists, wrong type, not empty or condition failed, 5 locked or waited in vain,\n"
    "6 lock lost or not covering, 7 denied, 8 server unreachable or overloaded, 9 data damaged,\n"
    "130 interrupted.\n\n"
    "Example: sluice --server tcp://files.example:5970 ls -l results";

// Where in the arguments the command's name stands; their number if there is none.
std::size_t find_command(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--server") {
      ++i;
    } else if (!arguments[i].starts_with('-')) {
      return i;
    }
  }
  return arguments.size();
}

// What stands between a command's name and the first `--`.
struct Walk {
  /// Where that is; the number of arguments if there is none.
  std::size_t mark = 0;
  bool has_operands = false;
  /// The first that is not known; may be empty.
  std::string unknown_option;
};

bool looks_like_option(const std::string& argument) {
  return argument.starts_with("--") || (argument.size() > 1 && argument[0] == '-' &&
                                        std::isalpha(static_cast<unsigned char>(argument[1])) != 0);
}

Walk walk(const CLI::App& app, const CLI::App& command, const std::vector<std::string>& arguments,
          std::size_t begin) {
  Walk walk{.mark = begin, .has_operands = false, .unknown_option = {}};
  for (; walk.mark < arguments.size() && arguments[walk.mark] != end_of_options; ++walk.mark) {
    const std::string& argument = arguments[walk.mark];
    if (!looks_like_option(argument)) {
      walk.has_operands = true;
      continue;
    }
    const std::string name = argument.substr(0, argument[1] == '-' ? argument.find('=') : 2);
    const CLI::Option* option = command.get_option_no_throw(name);
    if (option == nullptr) option = app.get_option_no_throw(name);
    if (option == nullptr) {
      if (walk.unknown_option.empty()) walk.unknown_option = name;
    } else if (option->get_items_expected_max() > 0 && name == argument) {
      // Its value, whatever that looks like.
      ++walk.mark;
    }
  }
  walk.mark = std::min(walk.mark, arguments.size());
  return walk;
}

}  // namespace

CommandLine::CommandLine()
    : app_(std::make_unique<CLI::App>("Files and locks of a Sluice server.", "sluice")) {
  app_->require_subcommand(1);
  app_->fallthrough();
  app_->set_help_flag("-h,--help", "Print this help and exit");
  app_->formatter(std::make_shared<CommandFormatter>("COMMAND ..."));
  app_->footer(exit_statuses);
  app_->set_version_flag("--version", "sluice " + version());
  app_->add_option("--server", global_.server,
                   "The server; default $SLUICE_SERVER, else\n" + global_.server)
      ->envname("SLUICE_SERVER")
      ->option_text("ENDPOINT");
  app_->add_flag("--json", global_.json, "Print JSON, one object a line");
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const CommandText& text, Action action) {
  CLI::App* command = app_->add_subcommand(text.name, text.summary);
  const std::string usage = text.usage.empty() ? text.name : text.name + " " + text.usage;
  command->formatter(std::make_shared<CommandFormatter>(usage));
  const std::string details = text.details.empty() ? "" : text.details + "\n\n";
  command->footer(details + "Examples:\n" + text.examples);
  command->callback([this, action = std::move(action)] { action_ = action; });
  return Command(*command);
}

std::optional<int> CommandLine::parse(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const std::size_t at = find_command(arguments);
  const std::string command = at < arguments.size() ? arguments[at] : "";
  std::string unknown_option;
  std::size_t options_end = arguments.size();
  if (const CLI::App* known = find(command)) {
    const Walk found = walk(*app_, *known, arguments, at + 1);
    unknown_option = found.unknown_option;
    options_end = found.mark;
    if (command == "lock") options_end = set_apart_child(arguments, found.mark, found.has_operands);
  }
  // CLI11 takes `--` for the end of a command whose operands are optional, so it never sees one.
  for (std::size_t i = 0; i < arguments.size(); ++i)
    arguments[i] = i > options_end ? quote + arguments[i] : quoted(std::move(arguments[i]));
  if (options_end < arguments.size())
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(options_end));
  // It is asked for before it is known whether the rest can be parsed.
  global_.json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  if (!unknown_option.empty())
    return usage_error(command, "there is no option '" + unknown_option +
                                    "', and names that begin with '-' go behind '--'");
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return print_help(error);
    return usage_error(command, error.what());
  }
  global_.server = unquoted(global_.server);
  return std::nullopt;
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
  if (command.empty()) {
    text = "a command is needed";
  } else if (!known) {
    text = "there is no command '" + command + "'";
  } else if (text.starts_with(operands_name)) {
    const CLI::Option* operands = known->get_option_no_throw(operands_name);
    text.replace(0, std::strlen(operands_name), operands->get_option_text());
  }
  text.erase(std::remove(text.begin(), text.end(), quote), text.end());
  print_error(Error("usage", known ? command : "", text), global_);
  return 2;
}

Command& Command::flag(const std::string& name, bool& value, const std::string& description) {
  app_.add_flag(name, value, description);
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
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    const bool whole = end != text.c_str() && *end == '\0';
    if (!whole || !(seconds >= 0 && seconds <= 86'400))
      throw CLI::ValidationError(name, "'" + text + "' is not a number of seconds from 0 to 86400");
    duration = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
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
