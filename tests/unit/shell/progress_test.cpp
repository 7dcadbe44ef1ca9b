// What the progress line says, and that counts of transfers that begin anew add up.
#include "client/shell/progress.hpp"

#include "tests/support/catch.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;

TEST_CASE("one file of known size has percent and time left") {
  const Counts counts{.done_bytes = 25u << 20,
                      .total_bytes = 100u << 20,
                      .done_files = 0,
                      .total_files = 1,
                      .totals_final = true};
  CHECK(progress_line(counts, 1s) == "25% 25 MiB of 100 MiB, 25 MiB/s, 3.0s left");
}

TEST_CASE("a stream of unknown size has neither") {
  const Counts counts{.done_bytes = 10u << 20,
                      .total_bytes = 0,
                      .done_files = 0,
                      .total_files = 0,
                      .totals_final = true};
  CHECK(progress_line(counts, 2s) == "10 MiB, 5.0 MiB/s");
}

TEST_CASE("a tree counts files, and tells totals once they are known") {
  Counts counts{.done_bytes = 1u << 20,
                .total_bytes = 2u << 20,
                .done_files = 7,
                .total_files = 20,
                .totals_final = false};
  CHECK(progress_line(counts, 1s) == "7 of 20+ files, 1.0 MiB, 1.0 MiB/s");
  counts.totals_final = true;
  CHECK(progress_line(counts, 1s) == "50% 7 of 20 files, 1.0 MiB of 2.0 MiB, 1.0 MiB/s, 1.0s left");
}

TEST_CASE("odd moments divide nothing by zero") {
  Counts counts{
      .done_bytes = 0, .total_bytes = 10, .done_files = 0, .total_files = 1, .totals_final = true};
  CHECK(progress_line(counts, 0ms) == "0% 0 B of 10 B");
  CHECK(progress_line(counts, 1s) == "0% 0 B of 10 B, 0 B/s");
  counts.done_bytes = 11;
  CHECK(progress_line(counts, 1s) == "100% 11 B of 10 B, 11 B/s");
}

TEST_CASE("an upload that begins anew is not counted twice") {
  ProgressLine line(false);
  line.expect(2, 150);
  auto first = line.watch(100);
  auto second = line.watch(50);
  first(60, 100);
  second(50, 50);
  first(0, 100);
  first(100, 100);
  line.file_done();
  CHECK(line.counts().done_bytes == 150);
  CHECK(line.counts().total_bytes == 150);
  CHECK(line.counts().done_files == 1);
}

TEST_CASE("a size that turns out otherwise corrects the total") {
  ProgressLine line(false);
  line.expect(1, 100);
  line.watch(100)(30, 40);
  CHECK(line.counts().total_bytes == 40);
}
