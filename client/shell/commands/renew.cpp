// `sluice renew`: starts the time to live of a lock anew, whoever took it.
#include "client/shell/commands/commands.hpp"
#include "client/shell/json.hpp"
#include "client/shell/lock_operand.hpp"

namespace sluice::shell {
namespace {

int renew(const std::vector<std::string>& locks, Invocation& run) {
  const std::string token = token_of(run, "renew", locks.empty() ? "" : locks.front());
  const auto ttl = run.client().renew(token, run.call());
  if (run.json())
    run.out().print(JsonObject().add("number", number_of(token)).add("ttl_ms", ttl.count()).text() +
                    "\n");
  return 0;
}

}  // namespace

void add_renew(CommandLine& line) {
  auto locks = std::make_shared<std::vector<std::string>>();
  Command command =
      line.add({"renew", "Start the time to live of a lock anew.", "[LOCK]",
                "  sluice renew 17-0123456789abcdef",
                "LOCK is the token that 'lock --owner' has printed; default $SLUICE_LOCK_TOKEN."},
               [locks](Invocation& run) { return renew(*locks, run); });
  command.operands("LOCK", *locks, 0, 1);
}

}  // namespace sluice::shell
