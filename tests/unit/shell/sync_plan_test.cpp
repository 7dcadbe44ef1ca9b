// Two lists of names, and what a sync makes of them.
#include "client/shell/sync_plan.hpp"

#include "tests/support/catch.hpp"

namespace sluice::shell {
namespace {

SyncEntry file(const std::string& name, std::uint64_t size = 5, std::int64_t mtime_ns = 100,
               std::uint32_t mode = 0644) {
  return {name, Kind::file, size, mode, mtime_ns, {}};
}

SyncEntry directory(const std::string& name) {
  return {name, Kind::directory, 0, 0755, 7, {}};
}

SyncEntry other(const std::string& name) {
  return {name, Kind::other, 0, 0777, 7, {}};
}

template <class List>
std::vector<std::string> names(const List& list) {
  std::vector<std::string> found;
  for (const auto& each : list) {
    if constexpr (requires { each.source.name; })
      found.push_back(each.source.name);
    else
      found.push_back(each.name);
  }
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("names on one side alone") {
  const auto plan = plan_of({directory("b"), file("c"), file("e")},
                            {file("a"), file("c"), directory("d"), other("f")}, {});
  CHECK(names(plan.new_directories) == Names{"b"});
  CHECK(names(plan.files) == Names{"e"});
  CHECK(names(plan.surplus) == Names{"a", "d", "f"});
  CHECK(plan.unchanged == 1);
  CHECK(names(plan_of({}, {file("a")}, {}).surplus) == Names{"a"});
  CHECK(names(plan_of({file("a")}, {}, {}).files) == Names{"a"});
}

TEST_CASE("what of a file decides") {
  CHECK(work_of({file("a"), file("a")}, {}) == FileWork::nothing);
  CHECK(work_of({file("a", 5), file("a", 6)}, {}) == FileWork::move);
  CHECK(work_of({file("a", 5, 1), file("a", 5, 2)}, {}) == FileWork::compare);
  CHECK(work_of({file("a", 5, 1), file("a", 5, 2)}, {}, true) == FileWork::set_attributes);
  CHECK(work_of({file("a", 5, 1, 0600), file("a", 5, 1, 0644)}, {}) == FileWork::set_attributes);
}

TEST_CASE("with checksums neither size nor time is proof") {
  const SyncRules rules{.checksum = true};
  CHECK(work_of({file("a"), file("a")}, rules) == FileWork::compare);
  CHECK(work_of({file("a"), file("a")}, rules, true) == FileWork::nothing);
  CHECK(work_of({file("a", 5), file("a", 6)}, rules) == FileWork::move);
}

TEST_CASE("bits of a mode that the target does not keep do not count") {
  const SyncRules rules{.file_mode_bits = 01777};
  CHECK(work_of({file("a", 5, 1, 04755), file("a", 5, 1, 0755)}, rules) == FileWork::nothing);
  CHECK(work_of({file("a", 5, 1, 0755), file("a", 5, 1, 0754)}, rules) == FileWork::set_attributes);
}

TEST_CASE("what is in the way is of another kind") {
  const auto plan = plan_of({file("a"), directory("b"), file("c"), directory("d")},
                            {directory("a"), file("b"), other("c"), directory("d")}, {});
  CHECK(names(plan.in_the_way) == Names{"a", "b", "c"});
  CHECK(names(plan.directories) == Names{"d"});
  CHECK(plan.surplus.empty());
}

TEST_CASE("links of the source are left out, and what has their name stays") {
  const auto plan = plan_of({other("a"), other("b")}, {file("a")}, {});
  CHECK(plan.skipped == Names{"a", "b"});
  CHECK(plan.surplus.empty());
  CHECK(plan.files.empty());
}

}  // namespace sluice::shell
