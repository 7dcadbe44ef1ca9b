// `sluice lock`: runs a command under a lock, like flock(1). Signals go to the command, and this
// process ends after it. A command whose lock is lost is told to end: what it does from then on
// is refused by the server where it uses the token. With --owner no command is run: the lock
// belongs to a name then, and lives as long as somebody renews it.
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "client/shell/child.hpp"
#include "client/shell/commands/commands.hpp"
#include "client/shell/json.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

constexpr int look_every_ms = 100;
constexpr int is_locked = 5;
constexpr int lock_lost = 6;
// What is done with a command whose lock is lost.
constexpr const char* end_it = "term";
constexpr const char* let_it_run = "ignore";

struct Options {
  bool shared = false;
  bool tree = false;
  std::string owner;
  std::string on_loss = end_it;
  std::chrono::milliseconds wait{0};
  std::chrono::milliseconds ttl{0};
  std::vector<std::string> paths;
};

// What the terminal sent has reached the command too, which is in the same process group.
void forward_signals(int signal_fd, Child& child) {
  signalfd_siginfo info;
  while (::read(signal_fd, &info, sizeof info) == sizeof info)
    if (info.ssi_code != SI_KERNEL) child.send(static_cast<int>(info.ssi_signo));
}

void tell_loss(const Lock& lock, const std::string& paths, bool ends, const Invocation& run) {
  const auto loss = lock.loss();
  std::string detail = loss && !loss->detail().empty() ? loss->detail() + "; " : "";
  detail += ends ? "the command was told to end" : "the command goes on";
  print_error(Error(loss ? loss->code() : "fenced", paths, detail), run.global());
}

// Whether the lock was held to the end.
bool accompany(Child& child, const Lock& lock, int signal_fd, const std::string& paths, bool ends,
               const Invocation& run) {
  bool held = true;
  std::array<pollfd, 2> ready{{{child.ended_fd(), POLLIN, 0}, {signal_fd, POLLIN, 0}}};
  while (true) {
    if (::poll(ready.data(), ready.size(), look_every_ms) < 0) continue;
    if (ready[0].revents != 0) return held;
    if (ready[1].revents != 0) forward_signals(signal_fd, child);
    if (held && lock.lost()) {
      held = false;
      tell_loss(lock, paths, ends, run);
      if (ends) child.send(SIGTERM);
    }
  }
}

int release(Lock& lock, int status, Invocation& run) {
  try {
    lock.release();
  } catch (const Error& error) {
    print_error(error, run.global());
    if (error.exit_status() == lock_lost) return lock_lost;
  }
  return status;
}

int run_under(Lock& lock, const std::vector<std::string>& command, const std::string& paths,
              bool ends, Invocation& run) {
  const LentSignals signals(run.interruption());
  run.interruption().check();
  try {
    Child child(command, {{"SLUICE_LOCK_TOKEN", lock.token()}, {"SLUICE_SERVER", run.server()}},
                run.interruption().original_mask());
    const bool held = accompany(child, lock, signals.fd(), paths, ends, run);
    const int status = child.wait();
    return held ? release(lock, status, run) : lock_lost;
  } catch (const std::system_error& error) {
    // As env(1) and flock(1) tell them apart.
    const bool missing = error.code().value() == ENOENT;
    const Error failure(missing ? "no_command" : "cannot_run", command.front(),
                        error.code().message());
    print_error(failure, run.global());
    return release(lock, failure.exit_status(), run);
  }
}

std::string grant_json(std::uint64_t number, const std::string& token,
                       std::chrono::milliseconds ttl) {
  return JsonObject().add("number", number).add("token", token).add("ttl_ms", ttl.count()).text() +
         "\n";
}

// For the commands that follow in the shell.
int keep(Lock lock, std::vector<Claim> claims, Invocation& run) {
  const std::uint64_t number = lock.number();
  if (run.json())
    run.out().print(grant_json(number, lock.token(), lock.ttl()));
  else if (run.out().is_terminal())
    run.out().print(fmt::format("Lock {} is held on {}; 'unlock {}' gives it back.\n", number,
                                paths_text(claims), number));
  run.seat().locks().add(std::move(lock), std::move(claims));
  return 0;
}

// Tells meanwhile who is waited for.
Lock acquire(const std::vector<Claim>& claims, const Acquire& how, Invocation& run) {
  const LockWaitNote note(run, claims, how.wait);
  return run.client().acquire(claims, how);
}

NamedLock acquire_named(const std::string& owner, const std::vector<Claim>& claims,
                        const Acquire& how, Invocation& run) {
  const LockWaitNote note(run, claims, how.wait);
  try {
    return run.client().acquire_named(owner, claims, how);
  } catch (const Error& error) {
    if (error.exit_status() != is_locked || !error.detail().starts_with("held by " + owner + " "))
      throw;
    throw Error(error.code(), error.path(),
                error.detail() + "; this owner can renew it or give it back, by its token");
  }
}

int take_for_owner(const Options& options, const std::vector<Claim>& claims, const Acquire& how,
                   Invocation& run) {
  const NamedLock lock = acquire_named(options.owner, claims, how, run);
  try {
    run.out().print(run.json() ? grant_json(lock.number, lock.token, lock.ttl) : lock.token + "\n");
    run.out().flush();
  } catch (...) {
    // Nobody has the token.
    run.client().release(lock.token);
    throw;
  }
  return 0;
}

// A lock needs something that lives as long: a command, a shell, a named owner.
void check(const Options& options, bool has_command, bool in_shell) {
  if (options.owner.empty() && !has_command && !in_shell)
    throw Error("usage", "lock", "a command is needed behind '--', or --owner");
  if (options.owner.empty()) return;
  if (has_command) throw Error("usage", "lock", "with --owner no command is run");
  if (options.ttl == std::chrono::milliseconds(0))
    throw Error("usage", "lock", "--owner needs --ttl, the time after which nobody holds it");
}

// No waiting would help.
void refuse_own(const std::vector<Claim>& claims, Invocation& run) {
  for (const Claim& claim : claims)
    if (const OwnLock* own = run.seat().locks().in_the_way_of(claim)) {
      const std::string number = std::to_string(own->lock.number());
      throw Error("usage", claim.path,
                  "this shell holds it itself, as lock " + number + "; 'unlock " + number +
                      "' gives it back, 'upgrade' and 'downgrade' change its mode");
    }
}

int run_locked(const Options& options, const std::vector<std::string>& command, Invocation& run) {
  check(options, !command.empty(), run.seat().is_shell());
  std::vector<Claim> claims;
  std::string paths;
  for (const std::string& typed : options.paths) {
    claims.push_back({remote_path(typed), options.tree, options.shared});
    paths += (paths.empty() ? "" : ", ") + claims.back().path;
  }
  refuse_own(claims, run);
  // Whoever started this process waits for it.
  const char* outer = std::getenv("SLUICE_LOCK_TOKEN");
  const Acquire how{.wait = options.wait,
                    .ttl = options.ttl,
                    .stop = run.interruption().token(),
                    .agent = Invocation::agent,
                    .under = outer ? outer : ""};
  if (!options.owner.empty()) return take_for_owner(options, claims, how, run);
  Lock lock = acquire(claims, how, run);
  if (command.empty()) return keep(std::move(lock), std::move(claims), run);
  return run_under(lock, command, paths, options.on_loss == end_it, run);
}

}  // namespace

void add_lock(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add(
      {.name = "lock",
       .summary = "Run a command while holding locks.",
       .usage = "[--shared] [--tree] [--wait SECONDS] [--ttl SECONDS] [--on-loss WHAT] "
                "[--owner NAME] PATH... -- COMMAND...",
       .examples = "  sluice lock --wait 60 results/today -- \\\n"
                   "    sh -c 'make-report | sluice put - results/today'\n"
                   "  sluice lock --tree results -- ./rebuild-results\n"
                   "  TOKEN=$(sluice lock --owner nightly --ttl 1h results/today)",
       .details =
           "All paths are locked or none. The command gets $SLUICE_LOCK_TOKEN, which "
           "sluice commands use, and\n"
           "$SLUICE_SERVER; its exit status is this one's, 127 if there is no such "
           "command, 126 if it cannot be\n"
           "run. If the lock is lost the command gets SIGTERM, and the exit status is 6. It gets "
           "SIGTERM too when\nthis process is killed.\n"
           "With --owner, and without a command, the lock's token is printed. The lock lives on "
           "for "
           "the\ntime of --ttl; 'renew' starts that anew, 'unlock' gives it back.\n"
           "In the shell, without a command, the lock is held until 'unlock' or the end, and "
           "what is done\n"
           "on its paths is done under it."},
      [options, &line](Invocation& run) {
        return run_locked(*options, line.child_command(), run);
      });
  command.flag("--shared", options->shared, "Together with other shared locks");
  command.flag("--tree", options->tree, "The paths and all beneath them");
  command.seconds("--wait", options->wait, "Wait for the lock, 0 by default");
  command.seconds(
      "--ttl", options->ttl,
      "How long it lives if this process falls silent;\n0, the default: the server's lease");
  command.text("--on-loss", "WHAT", options->on_loss,
               "'term' (default): end the command when the lock is lost;\n'ignore': let it run",
               {end_it, let_it_run});
  command.text("--owner", "NAME", options->owner,
               "Whose the lock is, instead of this process's; needs --ttl");
  command.operands("PATH...", options->paths, 1);
}

}  // namespace sluice::shell
