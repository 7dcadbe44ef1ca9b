// Latencies of sluice-bench: figures right within a hundredth, whatever their size.
#include "bench/histogram.hpp"

#include <limits>

#include "tests/support/catch.hpp"

namespace sluice::bench {
namespace {

using std::chrono::nanoseconds;

TEST_CASE("nothing recorded") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.percentile_us(0.5) == 0);
  CHECK(histogram.max_us() == 0);
  CHECK(histogram.steps_us().empty());
}

TEST_CASE("a single latency is all percentiles, exactly") {
  for (const std::int64_t ns : {0, 1, 127, 128, 255, 256, 257, 1'000'003, 2'000'000'011}) {
    Histogram histogram;
    histogram.record(nanoseconds(ns));
    for (const double part : {0.0, 0.5, 0.999, 1.0})
      CHECK(histogram.percentile_us(part) == Approx(static_cast<double>(ns) / 1000));
  }
}

TEST_CASE("percentiles of many are right within a hundredth") {
  Histogram histogram;
  for (int us = 1; us <= 100'000; ++us) histogram.record(std::chrono::microseconds(us));
  for (const double part : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact_us = part * 100'000;
    CHECK(histogram.percentile_us(part) >= exact_us);
    CHECK(histogram.percentile_us(part) <= exact_us * 1.01);
  }
  CHECK(histogram.percentile_us(1) == 100'000);
  CHECK(histogram.max_us() == 100'000);
}

TEST_CASE("the longest and the impossible have a place") {
  Histogram histogram;
  histogram.record(nanoseconds(std::numeric_limits<std::int64_t>::max()));
  histogram.record(nanoseconds(-5));
  CHECK(histogram.count() == 2);
  CHECK(histogram.percentile_us(0.5) == 0);
  CHECK(histogram.percentile_us(1) == histogram.max_us());
}

TEST_CASE("steps hold each latency once, growing") {
  Histogram histogram;
  for (int ns = 0; ns < 100'000; ns += 7) histogram.record(nanoseconds(ns));
  std::uint64_t count = 0;
  double before_us = -1;
  for (const auto& [not_longer_us, here] : histogram.steps_us()) {
    CHECK(not_longer_us > before_us);
    CHECK(here > 0);
    before_us = not_longer_us;
    count += here;
  }
  CHECK(count == histogram.count());
  CHECK(before_us == histogram.max_us());
}

TEST_CASE("histograms add up") {
  Histogram one, other;
  one.record(nanoseconds(1'000));
  other.record(nanoseconds(9'000));
  other.record(nanoseconds(9'000));
  one.add(other);
  CHECK(one.count() == 3);
  CHECK(one.max_us() == 9);
  CHECK(one.percentile_us(0.3) == Approx(1).epsilon(0.01));
  CHECK(one.percentile_us(0.9) == Approx(9).epsilon(0.01));
}

}  // namespace
}  // namespace sluice::bench
