// The command line: see command_line.hpp.
#include "client/shell/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace sluice::shell {
namespace {

// CLI11 gives a meaning to some operands; behind this byte they have none.
constexpr char quote = '\x01';

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
  if (command == "lock") {
    const auto mark = std::find(arguments.begin(), arguments.end(), "--");
    if (mark != arguments.end()) child_command_.assign(mark + 1, arguments.end());
    arguments.erase(mark, arguments.end());
  }
  for (std::string& argument : arguments) argument = quoted(std::move(argument));
  // It is asked for before it is known whether the rest can be parsed.
  global_.json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
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

int CommandLine::print_help(const CLI::ParseError& request) const {
  app_->exit(request, std::cout, std::cerr);
  if (std::cout.flush()) return 0;
  if (errno == EPIPE) throw BrokenPipe{};
  const Error error("local_io", "standard output", std::strerror(errno));
  print_error(error, global_.json);
  return error.exit_status();
}

int CommandLine::usage_error(const std::string& command, const std::string& what) const {
  auto has_name = [&](const CLI::App* candidate) { return candidate->get_name() == command; };
  const bool known = !app_->get_subcommands(has_name).empty();
  std::string text = what;
  if (command.empty()) {
    text = "a command is needed";
  } else if (!known) {
    text = "there is no command '" + command + "'";
  }
  text.erase(std::remove(text.begin(), text.end(), quote), text.end());
  print_error(Error("usage", known ? command : "", text), global_.json);
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

Command& Command::operands(std::vector<std::string>& operands, int min, int max) {
  CLI::Option* option = app_.add_option("paths", operands);
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
