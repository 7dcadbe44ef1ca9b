// `sluice`: files and locks of a server from the command line. Parses, constructs, runs. Read on:
// command_line.hpp, commands/, interactive/shell.hpp.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "client/shell/commands/commands.hpp"
#include "client/shell/interactive/shell.hpp"
#include "client/shell/run_command.hpp"

namespace {

using namespace sluice::shell;

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
  add_commands(line);
  if (const auto status = line.parse(argc, argv)) return *status;
  if (!line.action()) return run_shell(line, interruption);
  Seat seat(line.global());
  return run_command(line, seat, interruption);
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  // As the servers do (runtime/freed_memory.hpp), or each chunk that comes costs 256 page faults.
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
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
