// See result.hpp.
#include "bench/result.hpp"

#include <fmt/format.h>

namespace sluice::bench {

void print(Result& result, bool json) {
  const double ops_per_s = static_cast<double>(result.ops) / result.seconds;
  const double mb_per_s = ops_per_s * static_cast<double>(result.size_bytes) / 1e6;
  const double p50 = result.percentile_us(0.50);
  const double p99 = result.percentile_us(0.99);
  if (json)
    fmt::print(
        "{{\"op\": \"{}\", \"size\": {}, \"clients\": {}, \"seconds\": {:.2f}, \"ops\": {}, "
        "\"errors\": {}, \"ops_per_s\": {:.1f}, \"mb_per_s\": {:.1f}, \"p50_us\": {:.1f}, "
        "\"p99_us\": {:.1f}}}\n",
        result.op, result.size_bytes, result.clients, result.seconds, result.ops, result.errors,
        ops_per_s, mb_per_s, p50, p99);
  else
    fmt::print(
        "{:14} {:>10} B {:>3} clients {:>10.0f}/s {:>9.1f} MB/s  p50 {:>9.0f} us  p99 {:>9.0f} "
        "us\n",
        result.op, result.size_bytes, result.clients, ops_per_s, mb_per_s, p50, p99);
}

}  // namespace sluice::bench
