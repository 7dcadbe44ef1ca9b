// `sluice` without a command: see shell.hpp.
#include "client/shell/interactive/shell.hpp"

#include <langinfo.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "client/shell/child.hpp"
#include "client/shell/commands/commands.hpp"
#include "client/shell/interactive/editor.hpp"
#include "client/shell/interactive/name_sources.hpp"
#include "client/shell/interactive/operands.hpp"
#include "client/shell/interactive/prompt.hpp"
#include "client/shell/interactive/server_watch.hpp"
#include "client/shell/run_command.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t line_bytes_most = 1u << 20;
/// A Tab is answered within 100 ms, what is drawn included.
constexpr std::chrono::milliseconds completion_time{80};
constexpr int interrupted_status = 130;

// Paths are UTF-8 whatever the locale says.
void read_characters_as_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

// One line without its newline; false at the end of the input.
bool read_input_line(InputStream& input, std::string& line) {
  line.clear();
  char c = 0;
  // Byte by byte: what follows may be meant for a command (`put - x`).
  while (input.read(&c, 1) == 1) {
    if (c == '\n') return true;
    line += c;
    if (line.size() > line_bytes_most)
      throw Error("too_large", "standard input", "a line is longer than 1 MiB");
  }
  return !line.empty();
}

}  // namespace

Shell::Shell(Global global, Interruption& interruption)
    : interruption_(interruption), seat_((global.in_shell = true, std::move(global))) {}

int Shell::run_text(std::string_view text, bool ends_at_error) {
  std::size_t number = 0;
  bool goes_on = true;
  while (goes_on && !text.empty()) {
    const auto end = text.find('\n');
    goes_on = run_line(text.substr(0, end), ++number, ends_at_error);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return end(seat_.last_status());
}

int Shell::run_input(bool ends_at_error) {
  InputStream input(STDIN_FILENO, "standard input", interruption_);
  std::string line;
  std::size_t number = 0;
  try {
    while (read_input_line(input, line) && run_line(line, ++number, ends_at_error)) {
    }
  } catch (const Error& error) {
    print_error(error, seat_.global());
    seat_.set_last_status(interruption_.happened() ? interrupted_status : error.exit_status());
  }
  return end(seat_.last_status());
}

int Shell::run_terminal() {
  History history(history_path());
  Completer completer([this](const NameQuery& query, std::stop_token stop) {
    return source_for(query, seat_.client(), std::move(stop));
  });
  CommandLine commands(&seat_);
  add_shell_commands(commands);
  Editor editor(interruption_, history, [&](std::string_view before_cursor) {
    return complete(before_cursor, commands, seat_, completer, completion_time);
  });
  // Connected before a thread of completion asks for it.
  ServerWatch watch(seat_.client(), server_name(seat_.server()));
  std::string line;
  while (!seat_.leaving()) {
    interruption_.begin_operation();
    if (interruption_.told_to_end()) break;
    watch.tell_news();
    tell_losses(seat_.global());
    const std::string prompt = prompt_text(server_name(seat_.server()), seat_.directory(),
                                           seat_.locks().held(), Editor::columns());
    const auto outcome = editor.read(prompt, line);
    if (outcome == Editor::Outcome::closed) break;
    if (outcome != Editor::Outcome::line) continue;
    watch.command_begins();
    run_line(line, 0, false);
    watch.command_ends();
  }
  return end(interruption_.told_to_end() ? interrupted_status : seat_.last_status());
}

bool Shell::run_line(std::string_view text, std::size_t number, bool ends_at_error) {
  Global global = seat_.global();
  global.script_line = number;
  const Line line = read_line(text);
  if (const std::string problem = problem_of(line); !problem.empty()) {
    print_error(Error("usage", {}, problem), global);
    seat_.set_last_status(2);
    // As in sh: what stands behind it in a script may have been meant as a part of it.
    return number == 0;
  }
  for (const Statement& statement : line.statements) {
    interruption_.begin_operation();
    seat_.set_last_status(run_statement(statement, global));
    const bool script = number > 0;
    if (script) tell_losses(global);
    // What the user stopped at the terminal stops what stands behind it on the line as well.
    if (interruption_.happened()) {
      if (script) seat_.set_last_status(interrupted_status);
      return false;
    }
    if (seat_.leaving() || (ends_at_error && seat_.last_status() != 0)) return false;
  }
  return true;
}

int Shell::run_statement(const Statement& statement, const Global& global) {
  if (statement.local_command) return run_here(*statement.local_command, global);
  CommandLine line(&seat_);
  line.set_script_line(global.script_line);
  add_shell_commands(line);
  try {
    auto arguments = arguments_of(statement.words, line, seat_, interruption_.token());
    if (const auto status = line.parse(std::move(arguments))) return *status;
  } catch (const Error& error) {
    print_error(error, global);
    return interruption_.happened() ? interrupted_status : error.exit_status();
  }
  if (!line.action()) return 0;
  return run_command(line, seat_, interruption_);
}

int Shell::run_here(const std::string& command, const Global& global) {
  const LentSignals signals(interruption_);
  // From here on the terminal's Ctrl-C goes to the child; one that came before is for it, too.
  if (interruption_.happened()) return interrupted_status;
  try {
    Child child({"sh", "-c", command}, {{"SLUICE_SERVER", seat_.server().options.endpoint}},
                interruption_.original_mask());
    if (interruption_.control_c_waits()) child.send(SIGINT);
    const int status = child.wait();
    // The terminal has shown "^C", and the prompt wants a line of its own.
    if (status == interrupted_status && ::isatty(STDOUT_FILENO) == 1) std::puts("");
    std::fflush(stdout);
    return status;
  } catch (const std::system_error& error) {
    const Error failure("cannot_run", "sh", error.code().message());
    print_error(failure, global);
    return failure.exit_status();
  }
}

void Shell::tell_losses(const Global& global) {
  for (const OwnLock* lost : seat_.locks().newly_lost()) {
    const std::string number = std::to_string(lost->lock.number());
    const auto loss = lost->lock.loss();
    const std::string why = loss && !loss->detail().empty() ? " (" + loss->detail() + ")" : "";
    print_error(Error(loss ? loss->code() : "fenced", paths_text(lost->claims),
                      "lock " + number + " is lost" + why + "; until 'unlock " + number +
                          "' changes there are refused"),
                global);
  }
}

int Shell::end(int status) {
  try {
    seat_.locks().release_all();
  } catch (const Error& error) {
    print_error(error, seat_.global());
    if (status == 0) status = error.exit_status();
  }
  return status;
}

int run_shell(const CommandLine& line, Interruption& interruption) {
  read_characters_as_utf8();
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  Shell shell(line.global(), interruption);
  try {
    if (line.script()) return shell.run_text(*line.script(), line.ends_at_error());
    return terminal ? shell.run_terminal() : shell.run_input(line.ends_at_error());
  } catch (const Error& error) {
    // Which server is meant cannot be found out.
    print_error(error, line.global());
    return error.exit_status();
  }
}

}  // namespace sluice::shell
