// `sluice lock-break`: an administrator takes locks away, and is told whose they were.
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/lock_operand.hpp"
#include "client/shell/lock_text.hpp"

namespace sluice::shell {
namespace {

// Thrown through Client::locks to end it.
struct Found {
  LockEntry entry;
};

std::uint64_t number_in(const std::string& typed) {
  if (is_token(typed)) return number_of(typed);
  std::uint64_t number = 0;
  const char* end = typed.data() + typed.size();
  const auto [last, problem] = std::from_chars(typed.data(), end, number);
  if (problem != std::errc{} || last != end || number == 0)
    throw Error("usage", typed, "a lock to break is named by its number, which 'locks' shows");
  return number;
}

Error not_held(std::uint64_t number) {
  return {"not_found", "lock " + std::to_string(number), "no such lock is held; 'locks' shows all"};
}

LockEntry look_up(std::uint64_t number, Invocation& run) {
  try {
    run.client().locks(
        "",
        [number](const std::vector<LockEntry>& entries) {
          for (const LockEntry& entry : entries)
            if (entry.number == number) throw Found{entry};
        },
        run.call());
  } catch (Found& found) {
    return std::move(found.entry);
  }
  throw not_held(number);
}

void break_one(const std::string& typed, Invocation& run) {
  const std::uint64_t number = number_in(typed);
  const LockEntry entry = look_up(number, run);
  const bool own = run.seat().locks().holds(number);
  try {
    run.client().break_lock(number, run.call());
  } catch (const Error& error) {
    // Somebody else was faster, or it was given back meanwhile.
    if (error.code() == "fenced") throw not_held(number);
    throw;
  }
  run.out().print(run.json() ? lock_json(entry, own) + "\n"
                             : fmt::format("Broke lock {} of {} on {}, held for {}.\n", number,
                                           escaped(entry.holder), paths_text(entry.claims),
                                           duration_text(entry.age)));
}

int break_all(const std::vector<std::string>& numbers, Invocation& run) {
  for (const std::string& typed : numbers) {
    try {
      break_one(typed, run);
    } catch (const Error& error) {
      run.report(error);
    }
  }
  return run.status();
}

}  // namespace

void add_lock_break(CommandLine& line) {
  auto numbers = std::make_shared<std::vector<std::string>>();
  Command command =
      line.add({"lock-break", "Take locks away from whoever holds them.", "NUMBER...",
                "  sluice lock-break 17",
                "For administrators. What a holder still does under such a lock is refused, and it "
                "is told;\n"
                "what it does elsewhere goes on. NUMBER is that of 'locks', or a token."},
               [numbers](Invocation& run) { return break_all(*numbers, run); });
  command.operands("NUMBER...", *numbers, 1);
}

}  // namespace sluice::shell
