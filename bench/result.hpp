// What a run measured, and how it is printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bench/histogram.hpp"
#include "bench/options.hpp"

namespace sluice::bench {

using Clock = std::chrono::steady_clock;

/// What the options say is so many seconds, as the clock counts.
inline Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

struct Result {
  /// Of what the options ask for; nothing measured yet.
  explicit Result(const Options& options)
      : op(options.op), size_bytes(options.size_bytes), clients(options.clients) {}

  void failed(const std::string& error) {
    if (errors++ == 0) first_error = error;
  }

  std::string op;
  std::uint64_t size_bytes = 0;
  unsigned clients = 0;
  /// The time that was measured, without what came before.
  double seconds = 0;
  std::uint64_t errors = 0;
  /// Of the first error, if there was one.
  std::string first_error;
  /// Of each operation that was finished in that time.
  Histogram latencies;
};

/// One line to standard output, for people or as JSON.
void print(const Result& result, bool json);

}  // namespace sluice::bench
