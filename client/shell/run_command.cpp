// Runs a command: see run_command.hpp.
#include "client/shell/run_command.hpp"

namespace sluice::shell {

int run_command(const CommandLine& line, Seat& seat, Interruption& interruption) {
  Invocation invocation(seat, line.global(), interruption);
  try {
    const int status = line.action()(invocation);
    if (seat.is_shell()) invocation.out().end_line();
    invocation.out().flush();
    return status;
  } catch (const Error& failure) {
    const Error error = invocation.explained(failure);
    invocation.progress().end();
    // What was found before the failure is shown; that failing too would add nothing.
    try {
      if (!interruption.happened()) invocation.out().flush();
    } catch (const Error&) {
    }
    print_error(error, line.global());
    return interruption.happened() ? 130 : error.exit_status();
  }
}

}  // namespace sluice::shell
