// Runs the command of a parsed command line: the same for `sluice ls` and for `ls` in the shell.
// Main thread. Read on: command_line.hpp, invocation.hpp.
#pragma once

#include "client/shell/command_line.hpp"

namespace sluice::shell {

/// Its exit status; what failed is printed. Throws BrokenPipe.
int run_command(const CommandLine& line, Seat& seat, Interruption& interruption);

}  // namespace sluice::shell
