// The rules of the lock table, one by one. Read on: table_random_test.cpp (against a naive model).
#include <set>

#include "broker/locks/lock_table.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace sluice::broker::locks;
using Claims = std::vector<sluice::protocol::LockClaim>;
using Ids = std::vector<Id>;

constexpr auto locks = Kind::explicit_lock;
constexpr auto commits = Kind::commit;

Claims exclusive(const std::string& path) {
  return {{path, false, false}};
}
Claims shared(const std::string& path) {
  return {{path, false, true}};
}
Claims tree(const std::string& path) {
  return {{path, true, false}};
}
Claims shared_tree(const std::string& path) {
  return {{path, true, true}};
}

// Whether the second has to wait for the first.
bool in_the_way(Kind first_kind, const Claims& first, Kind second_kind, const Claims& second) {
  LockTable table;
  REQUIRE(table.submit({1, first_kind, first}));
  const bool would = table.blocker(second_kind, second).has_value();
  const bool granted = table.submit({2, second_kind, second});
  CHECK(granted == !would);
  return !granted;
}

}  // namespace

TEST_CASE("modes: only shared goes with shared, and commits with commits", "[locks]") {
  const Claims x = exclusive("a"), s = shared("a");
  CHECK_FALSE(in_the_way(locks, s, locks, s));
  CHECK(in_the_way(locks, s, locks, x));
  CHECK(in_the_way(locks, x, locks, s));
  CHECK(in_the_way(locks, x, locks, x));
  CHECK(in_the_way(locks, s, commits, x));
  CHECK(in_the_way(locks, x, commits, x));
  CHECK(in_the_way(commits, x, locks, s));
  CHECK(in_the_way(commits, x, locks, x));
  CHECK_FALSE(in_the_way(commits, x, commits, x));
}

TEST_CASE("paths touch when equal or within a tree, both ways", "[locks]") {
  for (const auto& [first, second, touch] :
       std::vector<std::tuple<Claims, Claims, bool>>{{exclusive("a"), exclusive("b"), false},
                                                     {exclusive("a"), exclusive("a/b"), false},
                                                     {exclusive("a/b"), exclusive("a"), false},
                                                     {exclusive("a"), exclusive("ab"), false},
                                                     {tree("a"), exclusive("a"), true},
                                                     {tree("a"), exclusive("a/b/c"), true},
                                                     {tree("a"), exclusive("ab"), false},
                                                     {tree("a/b"), exclusive("a"), false},
                                                     {tree("a"), tree("a/b"), true},
                                                     {tree("a"), tree("b"), false},
                                                     {shared_tree("a"), shared("a/b"), false},
                                                     {shared_tree("a"), exclusive("a/b"), true},
                                                     {shared_tree("a"), tree("a/b"), true},
                                                     {tree("a"), shared("a/b"), true},
                                                     {tree(""), exclusive("x/y"), true},
                                                     {tree(""), exclusive(""), true},
                                                     {exclusive(""), exclusive("x"), false},
                                                     {tree(""), tree("x/y/z"), true}}) {
    CAPTURE(first[0].path, first[0].tree, second[0].path, second[0].tree);
    CHECK(in_the_way(locks, first, locks, second) == touch);
    CHECK(in_the_way(locks, second, locks, first) == touch);
    const bool of_commit = touch || (first[0].shared && second[0].shared);
    CHECK(in_the_way(locks, first, commits, second) == of_commit);
    CHECK(in_the_way(commits, first, locks, second) == of_commit);
  }
}

TEST_CASE("sets are granted together or not at all", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, exclusive("b")}));
  CHECK_FALSE(table.submit({2, locks, {{"a"}, {"b"}, {"c"}}}));
  // Waiting, it holds nothing, but nobody passes it.
  CHECK_FALSE(table.submit({3, locks, exclusive("a")}));
  CHECK(table.submit({4, locks, exclusive("d")}));
  CHECK(table.remove(1) == Ids{2});
  CHECK(table.remove(2) == Ids{3});
}

TEST_CASE("claims of one request do not conflict with each other", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, {{"a", true, false}, {"a/b"}, {"a", false, true}, {"a/b"}}}));
  CHECK(table.remove(1).empty());
  CHECK(table.index().nodes() == 0);
}

TEST_CASE("readers that keep coming do not starve a writer", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, shared("a")}));
  CHECK(table.submit({2, locks, shared("a")}));
  CHECK_FALSE(table.submit({3, locks, exclusive("a")}));
  CHECK_FALSE(table.submit({4, locks, shared("a")}));
  CHECK_FALSE(table.submit({5, locks, shared("a")}));
  CHECK(table.remove(1).empty());
  CHECK(table.remove(2) == Ids{3});
  CHECK(table.remove(3) == Ids{4, 5});
}

TEST_CASE("a waiter that withdraws lets those behind it go", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, shared("a")}));
  CHECK_FALSE(table.submit({2, locks, exclusive("a")}));
  CHECK_FALSE(table.submit({3, locks, shared("a")}));
  CHECK(table.remove(2) == Ids{3});
  CHECK(table.remove(99).empty());
}

TEST_CASE("a waiting tree that a lock blocks does not stall commits below it", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, exclusive("d/held")}));
  CHECK_FALSE(table.submit({2, locks, tree("d")}));
  CHECK(table.submit({3, commits, exclusive("d/other")}));
  CHECK_FALSE(table.submit({4, commits, exclusive("d/held")}));
  // The lock goes: now only the commit 3 keeps the tree waiting, and commits queue behind it.
  CHECK(table.remove(1).empty());
  CHECK_FALSE(table.submit({5, commits, exclusive("d/other")}));
  CHECK(table.submit({6, commits, exclusive("e")}));
  CHECK(table.remove(3) == Ids{2});
  CHECK(table.remove(2) == Ids{4, 5});
}

TEST_CASE("a waiter that only commits keep waiting gets its turn", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, commits, exclusive("a")}));
  CHECK(table.submit({2, commits, exclusive("a")}));
  CHECK_FALSE(table.submit({3, locks, exclusive("a")}));
  CHECK_FALSE(table.submit({4, commits, exclusive("a")}));
  CHECK(table.remove(2).empty());
  CHECK(table.remove(1) == Ids{3});
  CHECK(table.blocker(commits, exclusive("a"))->id == 3);
  CHECK(table.remove(3) == Ids{4});
}

TEST_CASE("a waiter behind a waiter is not next up", "[locks]") {
  LockTable table;
  SECTION("behind an explicit one") {
    CHECK(table.submit({1, locks, exclusive("a")}));
    CHECK_FALSE(table.submit({2, locks, {{"a"}, {"b"}}}));
    CHECK_FALSE(table.submit({3, locks, exclusive("b")}));
    CHECK(table.submit({4, commits, exclusive("b")}));
    // 2 is next up now, 3 still behind it.
    CHECK(table.remove(1).empty());
    CHECK_FALSE(table.submit({5, commits, exclusive("b")}));
    CHECK(table.remove(4) == Ids{2});
    CHECK(table.remove(2) == Ids{3});
    CHECK(table.remove(3) == Ids{5});
  }
  SECTION("behind a commit that a lock blocks, and next up once that is under way") {
    CHECK(table.submit({1, locks, exclusive("a")}));
    CHECK_FALSE(table.submit({2, commits, {{"a"}, {"b"}}}));
    CHECK_FALSE(table.submit({3, locks, exclusive("b")}));
    CHECK(table.submit({4, commits, exclusive("b")}));
    CHECK(table.remove(1) == Ids{2});
    CHECK_FALSE(table.submit({5, commits, exclusive("b")}));
    CHECK(table.remove(2).empty());
    CHECK(table.remove(4) == Ids{3});
    CHECK(table.remove(3) == Ids{5});
  }
}

TEST_CASE("the blocker is the explicit holder first, then a waiter, then a commit", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, commits, exclusive("a")}));
  const auto commit = table.blocker(locks, {{"z"}, {"a"}});
  REQUIRE(commit);
  CHECK(commit->id == 1);
  CHECK(commit->path == "a");
  CHECK(commit->only_commits);
  CHECK_FALSE(table.submit({2, locks, exclusive("a")}));
  CHECK(table.blocker(locks, exclusive("a"))->id == 2);
  CHECK_FALSE(table.blocker(locks, exclusive("a"))->only_commits);
  CHECK(table.blocker_of(2)->id == 1);
  CHECK(table.remove(1) == Ids{2});
  CHECK_FALSE(table.submit({3, locks, exclusive("a")}));
  CHECK(table.blocker(locks, exclusive("a"))->id == 2);
  CHECK(table.blocker_of(3)->id == 2);
  CHECK_FALSE(table.blocker_of(2));
  CHECK_FALSE(table.blocker_of(77));
}

TEST_CASE("only exclusive claims of a holder cover", "[locks]") {
  LockTable table;
  CHECK(table.submit({1, locks, {{"p"}, {"t", true, false}, {"s", true, true}}}));
  CHECK_FALSE(table.submit({2, locks, exclusive("p")}));
  CHECK(table.submit({3, commits, exclusive("c")}));
  CHECK(table.covers(1, "p", false));
  CHECK_FALSE(table.covers(1, "p", true));
  CHECK_FALSE(table.covers(1, "p/x", false));
  CHECK(table.covers(1, "t", true));
  CHECK(table.covers(1, "t/x/y", false));
  CHECK(table.covers(1, "t/x/y", true));
  CHECK_FALSE(table.covers(1, "tt", false));
  CHECK_FALSE(table.covers(1, "s/x", false));
  CHECK_FALSE(table.covers(2, "p", false));
  CHECK_FALSE(table.covers(3, "c", false));
  CHECK_FALSE(table.covers(9, "p", false));
  CHECK(table.submit({4, locks, tree("u")}));
  CHECK(table.holds(4));
  CHECK_FALSE(table.holds(2));
  CHECK_FALSE(table.holds(9));
  CHECK(table.claims(2)->front().path == "p");
  CHECK(table.claims(9) == nullptr);
}

TEST_CASE("lists are in order of arrival and paged", "[locks]") {
  LockTable table;
  table.submit({1, locks, tree("a")});
  table.submit({2, locks, exclusive("a/b/c")});
  table.submit({3, locks, exclusive("z")});
  table.submit({4, commits, exclusive("y")});
  table.submit({5, commits, exclusive("a/b")});
  table.submit({6, locks, shared("a/b")});
  table.submit({7, locks, exclusive("a")});
  CHECK(table.list("", 0, 100, 100).ids == Ids{1, 2, 3, 5, 6, 7});
  CHECK(table.list("", 2, 2, 100).ids == Ids{3, 5});
  CHECK(table.list("a/b", 0, 100, 100).ids == Ids{1, 2, 5, 6});
  CHECK(table.list("a/b", 0, 2, 100).ids == Ids{1, 2});
  CHECK(table.list("a/b", 2, 1, 100).ids == Ids{5});
  CHECK(table.list("a/b", 6, 9, 100).ids.empty());
  CHECK(table.list("a/q", 0, 100, 100).ids == Ids{1});
  CHECK(table.list("y", 0, 100, 100).ids.empty());
  CHECK(table.list("nothing/here", 0, 100, 100).ids.empty());
}

TEST_CASE("10,000 waiters on one key drain in order, a step each", "[locks]") {
  constexpr Id count = 10'000;
  LockTable table;
  CHECK(table.submit({1, locks, exclusive("a/b/c")}));
  for (Id id = 2; id <= count; ++id) {
    const bool on_tree = id % 3 == 0;
    REQUIRE_FALSE(table.submit({id, locks, on_tree ? tree("a/b") : exclusive("a/b/c")}));
  }
  const std::uint64_t before = table.weighed();
  for (Id id = 1; id < count; ++id) REQUIRE(table.remove(id) == Ids{id + 1});
  CHECK(table.weighed() - before <= 2 * count);
  CHECK(table.remove(count).empty());
  CHECK(table.size() == 0);
  CHECK(table.index().nodes() == 0);
}

TEST_CASE("10,000 readers behind a writer, and a writer behind them", "[locks]") {
  constexpr Id count = 10'000;
  LockTable table;
  CHECK(table.submit({1, locks, exclusive("a")}));
  for (Id id = 2; id < count; ++id) REQUIRE_FALSE(table.submit({id, locks, shared("a")}));
  CHECK_FALSE(table.submit({count, locks, exclusive("a")}));
  const std::uint64_t before = table.weighed();
  CHECK(table.remove(1).size() == count - 2);
  for (Id id = 2; id < count - 1; ++id) REQUIRE(table.remove(id).empty());
  CHECK(table.remove(count - 1) == Ids{count});
  CHECK(table.weighed() - before <= 2 * count);
}

TEST_CASE("commits that pass a long queue do not have it weighed again", "[locks]") {
  constexpr Id count = 5'000;
  LockTable table;
  CHECK(table.submit({1, locks, exclusive("d/held")}));
  for (Id id = 2; id <= count; ++id) REQUIRE_FALSE(table.submit({id, locks, tree("d")}));
  const std::uint64_t before = table.weighed();
  for (Id id = count + 1; id <= 2 * count; ++id) {
    REQUIRE(table.submit({id, commits, exclusive("d/other")}));
    REQUIRE(table.remove(id).empty());
  }
  CHECK(table.weighed() - before <= count);
}

TEST_CASE("many locks held cost nothing to others, and leave nothing", "[locks]") {
  constexpr Id count = 100'000;
  LockTable table;
  auto path = [](Id id) { return "d" + std::to_string(id % 100) + "/f" + std::to_string(id); };
  for (Id id = 1; id <= count; ++id) REQUIRE(table.submit({id, locks, exclusive(path(id))}));
  CHECK_FALSE(table.submit({count + 1, locks, tree("")}));
  CHECK(table.index().nodes() == count + 100);
  const std::uint64_t before = table.weighed();
  for (Id id = 1; id < count; ++id) REQUIRE(table.remove(id).empty());
  CHECK(table.remove(count) == Ids{count + 1});
  CHECK(table.weighed() - before <= count + 1);
  CHECK(table.remove(count + 1).empty());
  CHECK(table.index().nodes() == 0);
}

TEST_CASE("a page of a list costs what it looks at, however much there is", "[locks]") {
  LockTable table;
  Ids beneath;
  for (Id id = 1; id <= 6'000; ++id) {
    const std::string parent = id % 3 == 0 ? "other" : "m";
    REQUIRE(table.submit({id, locks, exclusive(parent + "/" + std::to_string(id))}));
    if (id % 3 != 0) beneath.push_back(id);
  }
  REQUIRE(table.submit({7'000, locks, exclusive("few/x")}));
  constexpr std::size_t scan = 1'000, limit = 100;
  const auto all = [&](const std::string& path) {
    std::pair<Ids, std::size_t> found;
    for (Id after = 0; found.second == 0 || after != 0; ++found.second) {
      const auto page = table.list(path, after, limit, scan);
      CHECK(page.ids.size() <= limit);
      CHECK((page.next_after == 0 || page.next_after > after));
      found.first.insert(found.first.end(), page.ids.begin(), page.ids.end());
      after = page.next_after;
    }
    return found;
  };
  CHECK(all("m").first == beneath);
  CHECK(all("").first.size() == 6'001);
  // What is alone is found at once.
  CHECK(all("few") == std::pair<Ids, std::size_t>{{7'000}, 1});
  // A page that finds nothing in all that it looked at says where to go on.
  for (Id id = 8'000; id < 12'000; ++id)
    REQUIRE(table.submit({id, locks, exclusive("n/" + std::to_string(id))}));
  const auto page = table.list("n", 0, limit, scan);
  CHECK(page.ids.empty());
  CHECK(page.next_after == scan);
}

TEST_CASE("all in front are found in one walk over the paths beneath", "[locks]") {
  LockTable table;
  std::string deep = "d";
  for (int depth = 1; depth < 100; ++depth) deep += "/d";
  REQUIRE(table.submit({1, locks, shared(deep)}));
  REQUIRE_FALSE(table.submit({2, locks, exclusive(deep)}));
  REQUIRE_FALSE(table.submit({3, locks, tree("d")}));
  LockTable::Seen seen;
  std::set<Id> in_front;
  const auto take = [&](Id id) { return in_front.insert(id), true; };
  table.each_in_front_of(3, seen, take);
  CHECK(in_front == std::set<Id>{1, 2});
  CHECK(seen.steps >= 200'000 - 200);
  // Of the same claim only who has come since.
  REQUIRE_FALSE(table.submit({4, locks, tree("d")}));
  in_front.clear();
  table.each_in_front_of(4, seen, take);
  CHECK(in_front == std::set<Id>{3});
}
