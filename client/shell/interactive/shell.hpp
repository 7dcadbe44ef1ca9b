// `sluice` without a command: commands from a terminal, from -c or from standard input, one after
// the other, with one connection. Main thread. Read on: words.hpp, operands.hpp, editor.hpp,
// ../run_command.hpp; docs/shell.md for its user.
#pragma once

#include <string>
#include <string_view>

#include "client/shell/command_line.hpp"
#include "client/shell/interactive/words.hpp"
#include "client/shell/seat.hpp"

namespace sluice::shell {

class Shell {
 public:
  Shell(Global global, Interruption& interruption);

  /// Commands as -c has them. With `ends_at_error` the first that fails is the last. The exit
  /// status is that of the last command run, 130 if interrupted. Throws BrokenPipe.
  int run_text(std::string_view text, bool ends_at_error);
  /// The same from standard input, read no further than is needed.
  int run_input(bool ends_at_error);
  /// From the terminal, until its user leaves.
  int run_terminal();

 private:
  bool run_line(std::string_view text, std::size_t number, bool ends_at_error);
  int run_statement(const Statement& statement, const Global& global);
  int run_here(const std::string& command, const Global& global);
  void tell_losses(const Global& global);
  int end(int status);

  Interruption& interruption_;
  Seat seat_;
};

/// What the command line asks for when it names no command.
int run_shell(const CommandLine& line, Interruption& interruption);

}  // namespace sluice::shell
