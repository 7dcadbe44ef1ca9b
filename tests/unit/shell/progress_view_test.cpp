// What progress looks like: the sentence, the bars, and what they leave out on small terminals.
#include "client/shell/progress_view.hpp"

#include "client/shell/text_width.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::shell;

namespace {

constexpr std::uint64_t mib = 1u << 20;

Counts tree(std::uint64_t done_files, std::uint64_t total_files, std::uint64_t done_bytes,
            std::uint64_t total_bytes) {
  return {.done_bytes = done_bytes,
          .total_bytes = total_bytes,
          .done_files = done_files,
          .total_files = total_files,
          .totals_final = true};
}

Rates bytes_rate(double per_second) {
  return {.bytes_per_second = per_second};
}

}  // namespace

TEST_CASE("one file of known size has percent and time left") {
  CHECK(progress_sentence(tree(0, 1, 25 * mib, 100 * mib), bytes_rate(25 * mib)) ==
        "25% 25 MiB of 100 MiB, 25 MiB/s, 3.0s left");
}

TEST_CASE("a stream of unknown size has neither") {
  CHECK(progress_sentence(tree(0, 1, 10 * mib, 0), bytes_rate(5 * mib)) == "10 MiB, 5.0 MiB/s");
}

TEST_CASE("a tree counts files, and tells totals once they are known") {
  Counts counts = tree(7, 20, mib, 2 * mib);
  counts.totals_final = false;
  CHECK(progress_sentence(counts, bytes_rate(mib)) == "7 of 20+ files, 1.0 MiB, 1.0 MiB/s");
  counts.totals_final = true;
  CHECK(progress_sentence(counts, bytes_rate(mib)) ==
        "50% 7 of 20 files, 1.0 MiB of 2.0 MiB, 1.0 MiB/s, 1.0s left");
}

TEST_CASE("many small files take as long as their number, empty ones are counted") {
  const Rates rates{.bytes_per_second = mib, .files_per_second = 10};
  CHECK(progress_sentence(tree(100, 300, mib, 2 * mib), rates) ==
        "50% 100 of 300 files, 1.0 MiB of 2.0 MiB, 1.0 MiB/s, 20s left");
  CHECK(progress_sentence(tree(100, 300, 0, 0), {.files_per_second = 10}) ==
        "33% 100 of 300 files, 0 B of 0 B, 0 B/s, 20s left");
}

TEST_CASE("odd moments divide nothing by zero") {
  CHECK(progress_sentence(tree(0, 1, 0, 10), {}) == "0% 0 B of 10 B, 0 B/s");
  CHECK(progress_sentence(tree(0, 1, 11, 10), bytes_rate(11)) == "100% 11 B of 10 B, 11 B/s");
  CHECK(progress_sentence(tree(0, 1, 1, ~0ull), bytes_rate(1e-9)).ends_with(" left"));
}

TEST_CASE("several files have a bar each, and all of them one") {
  const std::vector<FileView> files{{"a/large", 25 * mib, 100 * mib, 25 * mib}, {"other", 0, 0, 0}};
  const auto lines = progress_lines(tree(3, 10, 50 * mib, 200 * mib), bytes_rate(50 * mib), files,
                                    {.columns = 80, .rows = 24});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] ==
        "a/large                [=====>               ]  25%   25 MiB   25 MiB/s    3.0s");
  CHECK(lines[1] ==
        "other                                                    0 B      0 B/s        ");
  CHECK(lines[2] ==
        "3 of 10 files          [=====>               ]  25%   50 MiB   50 MiB/s    3.0s");
}

TEST_CASE("a file alone has no line for all") {
  const std::vector<FileView> files{{"x", 100, 100, 100}};
  const auto lines =
      progress_lines(tree(0, 1, 100, 100), bytes_rate(100), files, {.columns = 80, .rows = 3});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("x  "));
  CHECK(lines[0].find("==]") != std::string::npos);
  CHECK(lines[0].find("100%") != std::string::npos);
}

TEST_CASE("a low terminal has fewer bars") {
  CHECK(most_bars({.columns = 80, .rows = 1}) == 0);
  CHECK(most_bars({.columns = 80, .rows = 6}) == 2);
  CHECK(most_bars({.columns = 80, .rows = 500}) == 8);
  const std::vector<FileView> files(20, {"x", 1, 2, 1});
  const auto lines = progress_lines(tree(0, 20, 20, 40), {}, files, {.columns = 80, .rows = 6});
  CHECK(lines.size() == 3);
}

TEST_CASE("no line is as wide as the terminal, whatever the names and the figures are") {
  const std::vector<FileView> files{{std::string(300, 'n'), 1'023 * mib, 1'024 * mib, 999e6},
                                    {"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\x1b[31m", 1, 0, 1e19},
                                    {"", ~0ull, 1, 0},
                                    {"slow", 1, 1ull << 60, 1e-3}};
  for (std::size_t columns = 0; columns < 200; ++columns) {
    const auto lines = progress_lines(tree(123'456, 1'000'000, 1ull << 50, 1ull << 51),
                                      bytes_rate(1e12), files, {.columns = columns, .rows = 24});
    CHECK(lines.size() == 5);
    for (const std::string& line : lines) {
      INFO(columns << ": " << line);
      CHECK(text_width(line) == (columns == 0 ? 0 : columns - 1));
      CHECK(line.find('\x1b') == std::string::npos);
    }
  }
}

TEST_CASE("a narrow terminal keeps name and percent") {
  const std::vector<FileView> files{{"directory/name", 1, 4, 1}};
  const Counts counts = tree(0, 1, 1, 4);
  CHECK(progress_lines(counts, {}, files, {.columns = 20, .rows = 24}).front() ==
        "directory/name  25%");
  CHECK(progress_lines(counts, {}, files, {.columns = 16, .rows = 24}).front() ==
        "..ory/name  25%");
  CHECK(progress_lines(counts, {}, files, {.columns = 45, .rows = 24}).front() ==
        "directory/name        25%      1 B/s    3.0s");
}
