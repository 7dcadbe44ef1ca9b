// `sluice locks`: who holds what and who waits for it, as a table.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "client/shell/commands/commands.hpp"
#include "client/shell/format.hpp"
#include "client/shell/lock_text.hpp"
#include "client/shell/remote.hpp"

namespace sluice::shell {
namespace {

using Row = std::array<std::string, 7>;

// One word for all claims of a set, or "mixed".
template <class Word>
std::string common(const std::vector<Claim>& claims, Word word) {
  if (claims.empty()) return "";
  const std::string first = word(claims.front());
  const bool same =
      std::all_of(claims.begin(), claims.end(), [&](const Claim& c) { return word(c) == first; });
  return same ? first : "mixed";
}

Row row_of(const LockEntry& entry, bool own) {
  return {entry.number == 0 ? "waiting" : std::to_string(entry.number),
          common(entry.claims, mode_word),
          common(entry.claims, scope_word),
          duration_text(entry.age),
          duration_text(entry.left),
          escaped(entry.holder) + (own ? " (this shell)" : ""),
          paths_text(entry.claims)};
}

std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i + 1 < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

int locks(const std::string& path, Invocation& run) {
  const Row head{"NUMBER", "MODE", "SCOPE", "AGE", "LEFT", "HOLDER", "PATHS"};
  bool first = true;
  auto own = [&](const LockEntry& entry) { return run.seat().locks().holds(entry.number); };
  auto page = [&](const std::vector<LockEntry>& entries) {
    if (run.json()) {
      for (const LockEntry& entry : entries) run.out().print(lock_json(entry, own(entry)) + "\n");
      return;
    }
    std::vector<Row> rows;
    if (std::exchange(first, false)) rows.push_back(head);
    for (const LockEntry& entry : entries) rows.push_back(row_of(entry, own(entry)));
    run.out().print(table(rows));
  };
  run.client().locks(path, page, run.call());
  return 0;
}

}  // namespace

void add_locks(CommandLine& line) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Command command = line.add(
      {"locks", "List holders of locks and who waits, of all or at, above and beneath a path.",
       "[PATH]", "  sluice locks\n  sluice locks results"},
      [paths](Invocation& run) {
        return locks(paths->empty() ? "" : remote_path(paths->front()), run);
      });
  command.operands("PATH", *paths, 0, 1);
}

}  // namespace sluice::shell
