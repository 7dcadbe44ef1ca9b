// `sluice`: files and locks of a server from the command line. Parses, constructs, runs. Read on:
// command_line.hpp, commands/.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "client/shell/commands/commands.hpp"
#include "client/shell/invocation.hpp"

namespace {

using namespace sluice::shell;

int run(const CommandLine& line, Interruption& interruption) {
  Seat seat(line.global());
  Invocation invocation(seat, line.global(), interruption);
  try {
    const int status = line.action()(invocation);
    invocation.out().flush();
    return status;
  } catch (const sluice::Error& error) {
    invocation.progress().clear();
    // What was found before the failure is shown; that failing too would add nothing.
    try {
      if (!interruption.happened()) invocation.out().flush();
    } catch (const sluice::Error&) {
    }
    print_error(error, line.global());
    return interruption.happened() ? 130 : error.exit_status();
  }
}

// A descriptor opened later must not become a standard stream that was closed by the caller. What
// takes its place is open the wrong way round, so that using it fails: input that was closed is not
// an empty file, and output that went nowhere was not written.
void fill_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    const int wrong_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", wrong_way) != fd) std::_Exit(1);
  }
}

int guarded(int argc, char** argv) {
  // First of all: threads made later inherit the blocked signals.
  Interruption interruption;
  CommandLine line;
  for (auto add : {add_ls, add_stat, add_cat, add_mkdir, add_rm, add_mv, add_cp, add_put, add_get,
                   add_lock, add_locks, add_ping, add_version})
    add(line);
  if (const auto status = line.parse(argc, argv)) return *status;
  return run(line, interruption);
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return guarded(argc, argv);
  } catch (const BrokenPipe&) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice: %s\n", error.what());
  }
  return 1;
}
