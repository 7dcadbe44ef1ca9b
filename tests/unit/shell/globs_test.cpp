// Patterns against a tree of names: where they match, and what they leave alone.
#include "client/shell/interactive/globs.hpp"

#include "client/shell/interactive/paths.hpp"
#include "sluice/error.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shell/fake_names.hpp"

using namespace sluice::shell;
using Paths = std::vector<std::string>;

namespace {

FakeNames tree() {
  return FakeNames({"a.csv", "b.csv", "a*b", "axb", "-r", ".hidden.csv", "2023/", "2023/jan/",
                    "2023/jan/x.csv", "2024/", "2024/jan/", "2024/jan/x.csv", "2024/feb/",
                    "2024/feb/y.csv", "größe.csv", "[x]"});
}

Paths matching(std::string_view typed) {
  FakeNames names = tree();
  return expanded(read_line(typed).statements.front().words.front(), names);
}

std::string failure(std::string_view typed) {
  try {
    matching(typed);
  } catch (const sluice::Error& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("patterns find names, sorted") {
  CHECK(matching("*.csv") == Paths{"a.csv", "b.csv", "größe.csv"});
  CHECK(matching("[ab].csv") == Paths{"a.csv", "b.csv"});
  CHECK(matching("[!a].csv") == Paths{"b.csv"});
  CHECK(matching("?.csv") == Paths{"a.csv", "b.csv"});
  CHECK(matching("gr*") == Paths{"größe.csv"});
}

TEST_CASE("patterns in the middle of a path find directories") {
  CHECK(matching("202?/jan/*.csv") == Paths{"2023/jan/x.csv", "2024/jan/x.csv"});
  CHECK(matching("*/feb") == Paths{"2024/feb"});
  CHECK(matching("2024/*/") == Paths{"2024/feb/", "2024/jan/"});
  CHECK(matching("*/jan/x.csv") == Paths{"2023/jan/x.csv", "2024/jan/x.csv"});
}

TEST_CASE("quoted characters stand for themselves") {
  CHECK(matching("'a*'*") == Paths{"a*b"});
  CHECK(matching("a\\**") == Paths{"a*b"});
  CHECK(matching("\\[*") == Paths{"[x]"});
  CHECK(matching("a?b") == Paths{"a*b", "axb"});
}

TEST_CASE("names with a dot before them are found only if it was said") {
  CHECK(matching(".*") == Paths{".hidden.csv"});
  CHECK(failure("*hidden*") == "not_found");
}

TEST_CASE("no match is a failure, and so are too many") {
  CHECK(failure("*.txt") == "not_found");
  CHECK(failure("nowhere/*") == "not_found");
  CHECK(failure("*/mar") == "not_found");

  struct Endless : NameSource {
    void names(const std::string&, const std::string&, const Taker& taker) override {
      std::size_t number = 0;
      while (taker({std::to_string(number), false})) ++number;
    }
    bool exists(const std::string&) override { return true; }
  } endless;
  CHECK_THROWS_AS(expanded(read_line("*").statements.front().words.front(), endless),
                  sluice::Error);
}

TEST_CASE("remote paths are taken from where the shell stands") {
  CHECK(resolved("", "a/b") == "a/b");
  CHECK(resolved("docs", "a") == "docs/a");
  CHECK(resolved("docs/x", "../a") == "docs/a");
  CHECK(resolved("docs", "/a/./b") == "a/b");
  CHECK(resolved("docs", "..") == "");
  CHECK(resolved("docs", "../../..") == "");
  CHECK(resolved("docs", ".") == "docs");
  CHECK(resolved("docs", "a/") == "docs/a/");
  CHECK(resolved("docs", "a//b") == "docs/a/b");
  CHECK(resolved("docs", "/") == "");
}
