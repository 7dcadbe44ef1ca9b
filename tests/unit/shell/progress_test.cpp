// That counts of transfers that begin anew add up, and that rates are those of the last seconds.
#include "client/shell/progress.hpp"

#include "tests/support/catch.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;

TEST_CASE("an upload that begins anew is not counted twice") {
  ProgressDisplay display(ProgressDisplay::Place::nowhere);
  display.expect(2, 150);
  {
    FileProgress one(display, "one", 100);
    FileProgress two(display, "two", 50);
    const auto first = one.callback();
    const auto second = two.callback();
    first(60, 100);
    second(50, 50);
    first(0, 100);
    first(100, 100);
    CHECK(display.counts().done_files == 0);
  }
  CHECK(display.counts().done_bytes == 150);
  CHECK(display.counts().total_bytes == 150);
  CHECK(display.counts().done_files == 2);
}

TEST_CASE("a size that turns out otherwise corrects the total") {
  ProgressDisplay display(ProgressDisplay::Place::nowhere);
  display.expect(1, 100);
  FileProgress file(display, "file", 100);
  file.callback()(30, 40);
  CHECK(display.counts().total_bytes == 40);
}

TEST_CASE("a display that tells ends with its transfer, and may be hidden by any thread") {
  ProgressDisplay display(ProgressDisplay::Place::lines);
  display.expect(1, 100);
  display.totals_are_final();
  std::thread other([&] {
    FileProgress file(display, "file", 100);
    file.callback()(100, 100);
    const auto hidden = display.hide();
  });
  other.join();
  display.end();
  display.end();
  CHECK(display.counts().done_files == 1);
}

TEST_CASE("a rate is that of the last seconds") {
  const RateMeter::Time begin{};
  RateMeter meter(begin, 0);
  CHECK(meter.per_second() == 0);
  meter.note(begin + 100ms, 10);
  CHECK(static_cast<int>(meter.per_second() + 0.5) == 100);
  for (int i = 1; i <= 100; ++i) meter.note(begin + i * 100ms, i * 1'000ull);
  CHECK(static_cast<int>(meter.per_second() + 0.5) == 10'000);
  // It stalls: after the window nothing is left of what was before.
  for (int i = 101; i <= 160; ++i) meter.note(begin + i * 100ms, 100'000);
  CHECK(meter.per_second() == 0);
  meter.note(begin + 17s, 5);
  CHECK(meter.per_second() == 0);
}
