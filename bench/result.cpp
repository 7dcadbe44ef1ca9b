// See result.hpp.
#include "bench/result.hpp"

#include <fmt/format.h>

namespace sluice::bench {

void print(const Result& result, bool json) {
  const Histogram& took = result.latencies;
  const double ops_per_s = static_cast<double>(took.count()) / result.seconds;
  const double mb_per_s = ops_per_s * static_cast<double>(result.size_bytes) / 1e6;
  if (!json) {
    fmt::print(
        "{:14} {:>10} B {:>3} clients {:>10.0f}/s {:>9.1f} MB/s  p50 {:>8.0f} us  p90 {:>8.0f} us  "
        "p99 {:>8.0f} us  p99.9 {:>8.0f} us  max {:>8.0f} us\n",
        result.op, result.size_bytes, result.clients, ops_per_s, mb_per_s, took.percentile_us(0.5),
        took.percentile_us(0.9), took.percentile_us(0.99), took.percentile_us(0.999),
        took.max_us());
    return;
  }
  fmt::print(
      "{{\"op\": \"{}\", \"size\": {}, \"clients\": {}, \"seconds\": {:.2f}, \"ops\": {}, "
      "\"errors\": {}, \"ops_per_s\": {:.1f}, \"mb_per_s\": {:.1f}, \"p50_us\": {:.1f}, "
      "\"p90_us\": {:.1f}, \"p99_us\": {:.1f}, \"p999_us\": {:.1f}, \"max_us\": {:.1f}, "
      "\"histogram_us\": [",
      result.op, result.size_bytes, result.clients, result.seconds, took.count(), result.errors,
      ops_per_s, mb_per_s, took.percentile_us(0.5), took.percentile_us(0.9),
      took.percentile_us(0.99), took.percentile_us(0.999), took.max_us());
  const char* before = "";
  for (const auto& [not_longer_us, count] : took.steps_us()) {
    fmt::print("{}[{:.1f}, {}]", before, not_longer_us, count);
    before = ", ";
  }
  fmt::print("]}}\n");
}

}  // namespace sluice::bench
