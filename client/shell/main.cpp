// `sluice`: files and locks of a server from the command line. Parses, constructs, runs. Read on:
// command_line.hpp, commands/.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>

#include "client/shell/commands/commands.hpp"
#include "client/shell/invocation.hpp"

namespace {

using namespace sluice::shell;

int run(const CommandLine& line, Interruption& interruption) {
  Invocation invocation(line.global(), interruption);
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
    print_error(error, line.global().json);
    return interruption.happened() ? 130 : error.exit_status();
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
