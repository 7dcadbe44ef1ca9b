// What a run measured, and how it is printed. Latencies are kept whole and sorted at the end: a run
// is short.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

struct Result {
  std::string op;
  std::uint64_t size_bytes = 0;
  unsigned clients = 0;
  double seconds = 0;
  std::uint64_t ops = 0;
  std::uint64_t errors = 0;
  /// Of the first error, if there was one.
  std::string first_error;
  /// One a finished operation, in microseconds.
  std::vector<double> latencies_us;

  double percentile_us(double part) {
    if (latencies_us.empty()) return 0;
    const auto at = latencies_us.begin() + static_cast<std::ptrdiff_t>(
                                               part * static_cast<double>(latencies_us.size() - 1));
    std::nth_element(latencies_us.begin(), at, latencies_us.end());
    return *at;
  }
};

/// One line to standard output, for people or as JSON.
void print(Result& result, bool json);

}  // namespace sluice::bench
