// `exit` and `quit` of the shell, which then gives back its locks.
#include <charconv>

#include "client/shell/commands/commands.hpp"

namespace sluice::shell {
namespace {

constexpr int status_most = 255;

int status_of(const std::string& text) {
  int status = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (problem != std::errc{} || end != text.data() + text.size() || status < 0 ||
      status > status_most)
    throw Error("usage", "exit", "'" + text + "' is not an exit status, a number from 0 to 255");
  return status;
}

int leave(const std::vector<std::string>& given, Invocation& run) {
  const int status = given.empty() ? run.seat().last_status() : status_of(given.front());
  run.seat().leave();
  return status;
}

void add(CommandLine& line, const std::string& name, const std::string& summary) {
  auto status = std::make_shared<std::vector<std::string>>();
  Command command = line.add({name, summary, "[STATUS]", "  " + name + "\n  " + name + " 3",
                              "Without STATUS: with the exit status of the command before."},
                             [status](Invocation& run) { return leave(*status, run); });
  command.operands("STATUS", *status, 0, 1);
}

}  // namespace

void add_exit(CommandLine& line) {
  add(line, "exit", "Leave the shell.");
}

void add_quit(CommandLine& line) {
  add(line, "quit", "The same as exit.");
}

}  // namespace sluice::shell
