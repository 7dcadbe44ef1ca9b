// `sluice upgrade` and `sluice downgrade`: a lock that is held becomes exclusive or shared; its
// token stays.
#include "client/shell/commands/commands.hpp"
#include "client/shell/json.hpp"
#include "client/shell/lock_operand.hpp"

namespace sluice::shell {
namespace {

constexpr const char* details =
    "LOCK is a token; in the shell also a path or number of a lock that it holds. Default\n"
    "$SLUICE_LOCK_TOKEN.";

struct Options {
  std::chrono::milliseconds wait{0};
  std::vector<std::string> locks;

  std::string lock() const { return locks.empty() ? "" : locks.front(); }
};

void tell(const std::string& token, const char* mode, Invocation& run) {
  if (!run.json()) return;
  run.out().print(JsonObject().add("number", number_of(token)).add("mode", mode).text() + "\n");
}

// What the shell holds it has to know the mode of: only exclusive ones are used for changes.
void set_shared(OwnLock* own, bool shared) {
  if (own == nullptr) return;
  for (Claim& claim : own->claims) claim.shared = shared;
}

int upgrade(const Options& options, Invocation& run) {
  const std::string token = token_of(run, "upgrade", options.lock());
  run.client().upgrade(
      token,
      {.wait = options.wait, .stop = run.interruption().token(), .agent = Invocation::agent});
  set_shared(own_lock(run, token), false);
  tell(token, "exclusive", run);
  return 0;
}

int downgrade(const Options& options, Invocation& run) {
  const std::string token = token_of(run, "downgrade", options.lock());
  run.client().downgrade(token, run.call());
  set_shared(own_lock(run, token), true);
  tell(token, "shared", run);
  return 0;
}

}  // namespace

void add_upgrade(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add({"upgrade", "Make a shared lock exclusive.", "[--wait SECONDS] [LOCK]",
                              "  sluice upgrade --wait 60 17-0123456789abcdef", details},
                             [options](Invocation& run) { return upgrade(*options, run); });
  command.seconds("--wait", options->wait, "Wait for other holders, 0 by default");
  command.operands("LOCK", options->locks, 0, 1);
}

void add_downgrade(CommandLine& line) {
  auto options = std::make_shared<Options>();
  Command command = line.add({"downgrade", "Make an exclusive lock shared.", "[LOCK]",
                              "  sluice downgrade 17-0123456789abcdef", details},
                             [options](Invocation& run) { return downgrade(*options, run); });
  command.operands("LOCK", options->locks, 0, 1);
}

}  // namespace sluice::shell
