// What Tab offers and types, for every kind of word, against names in memory.
#include "client/shell/interactive/completion.hpp"

#include <future>

#include "client/shell/commands/commands.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shell/fake_names.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

struct Room {
  Seat seat{Global{.in_shell = true}};
  CommandLine line{&seat};
  std::vector<NameQuery> queries;
  Completer completer{[this](const NameQuery& query, std::stop_token) {
    queries.push_back(query);
    using Paths = std::set<std::string>;
    if (query.lock_numbers) return std::make_unique<FakeNames>(Paths{"170", "23"});
    return std::make_unique<FakeNames>(
        query.local ? Paths{"here.txt", "my dir/", "my dir/one", "$x"}
                    : Paths{"docs/", "docs/my file", "docs/my other", "gr\u00f6\u00dfe",
                            "gr\u00fc\u00df", ".dot", "it's", "new\nline", "#1"});
  }};

  Room() { add_shell_commands(line); }
  Completion tab(std::string_view typed) { return complete(typed, line, seat, completer, 10s); }
  std::string typed(const std::string& begin) { return begin + tab(begin).insertion; }
};

}  // namespace

TEST_CASE("commands and options are completed") {
  Room room;
  CHECK(room.typed("mk") == "mkdir ");
  CHECK(room.typed("ls; mk") == "ls; mkdir ");
  CHECK(room.tab("l").list == Names{"lcd", "lls", "lock", "lock-break", "locks", "ls"});
  CHECK(room.typed("lock --sh") == "lock --shared ");
  CHECK(room.typed("help unl") == "help unlock ");
  CHECK(room.typed("lock --wait ") == "lock --wait ");
  CHECK(room.typed("nonsense d") == "nonsense d");
  CHECK(room.typed("ls # d") == "ls # d");
}

TEST_CASE("an operand is completed as what it is") {
  Room room;
  CHECK(room.typed("put h") == "put here.txt ");
  CHECK(room.typed("put -r h") == "put -r here.txt ");
  CHECK(room.typed("put here.txt d") == "put here.txt docs/");
  CHECK(room.typed("get d") == "get docs/");
  CHECK(room.typed("get docs/my\\ file h") == "get docs/my\\ file here.txt ");
  CHECK(room.typed("lock --wait 3 d") == "lock --wait 3 docs/");
  CHECK(room.typed("cd ") == "cd docs/");
  CHECK(room.typed("rm -- d") == "rm -- docs/");
  CHECK(room.typed("lls m") == "lls my\\ dir/");
  // No file of the server is meant there.
  CHECK(room.typed("renew d") == "renew d");
  CHECK(room.typed("lock-break d") == "lock-break d");
  CHECK(room.typed("lock-break 1") == "lock-break 170 ");
  CHECK(room.queries.back().lock_numbers);
}

TEST_CASE("where either side may be meant, a colon says which") {
  Room room;
  CHECK(room.typed("sync h") == "sync here.txt ");
  CHECK(room.typed("sync :d") == "sync :docs/");
  CHECK(room.typed("sync :docs/my\\ f") == "sync :docs/my\\ file ");
  CHECK(room.typed("sync here.txt :i") == "sync here.txt :it\\'s ");
  CHECK(room.typed("sync : m") == "sync : my\\ dir/");
}

TEST_CASE("what is typed is quoted as the word was begun") {
  Room room;
  CHECK(room.typed("cat docs/my") == "cat docs/my\\ ");
  CHECK(room.tab("cat docs/my").list == Names{"my file", "my other"});
  CHECK(room.typed("cat docs/my\\ f") == "cat docs/my\\ file ");
  CHECK(room.typed("cat 'docs/my f") == "cat 'docs/my file' ");
  CHECK(room.typed("cat \"docs/my f") == "cat \"docs/my file\" ");
  CHECK(room.typed("cat i") == "cat it\\'s ");
  CHECK(room.typed("cat 'i") == "cat 'it'\\''s' ");
  CHECK(room.typed("put \"") == "put \"");
  CHECK(room.typed("put \"$") == "put \"$x\" ");
  CHECK(room.typed("put \"\\$") == "put \"\\$x\" ");
  CHECK(room.typed("cat \\#") == "cat \\#1 ");
}

TEST_CASE("characters stay whole, hidden names hidden, names for no keyboard untyped") {
  Room room;
  CHECK(room.typed("cat g") == "cat gr");
  CHECK(room.typed("cat gr\u00f6") == "cat gr\u00f6\u00dfe ");
  CHECK(room.typed("cat .") == "cat .dot ");
  CHECK(room.typed("cat n") == "cat n");
}

TEST_CASE("a directory that is not read to its end types nothing, and is read on") {
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future().share();
  struct Slow : NameSource {
    explicit Slow(std::shared_future<void> go) : go_on(std::move(go)) {}
    void names(const std::string&, const std::string&, const Taker& taker) override {
      taker({"alpha", false});
      go_on.wait();
      taker({"alphabet", false});
    }
    bool exists(const std::string&) override { return true; }
    std::shared_future<void> go_on;
  };
  Seat seat(Global{.in_shell = true});
  CommandLine line(&seat);
  add_shell_commands(line);
  int scans = 0;
  Completer completer([&](const NameQuery&, std::stop_token) {
    ++scans;
    return std::make_unique<Slow>(may_go_on);
  });
  const auto begin = std::chrono::steady_clock::now();
  const Completion first = complete("cat a", line, seat, completer, 50ms);
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(first.insertion.empty());
  CHECK(first.note.find("so far") != std::string::npos);
  go_on.set_value();
  const Completion second = complete("cat a", line, seat, completer, 60s);
  CHECK(second.insertion == "lpha");
  CHECK(second.list == Names{"alpha", "alphabet"});
  CHECK(scans == 1);
}

TEST_CASE("memory stays bounded, and what all names begin with is known to the end") {
  Matches matches;
  for (std::size_t i = 0; i < 10 * Matches::kept_most; ++i)
    matches.add({"file-" + std::to_string(i), "", "", false});
  CHECK(matches.count() == 10 * Matches::kept_most);
  CHECK(matches.kept().size() == Matches::kept_most);
  CHECK(matches.common() == "file-");
}
