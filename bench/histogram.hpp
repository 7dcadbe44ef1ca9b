// How long things took, counted as HdrHistogram does: each power of two of nanoseconds is divided
// into 128 equal parts, so that every figure is right within a hundredth, whatever its size, and
// recording costs nothing that would show. Debian 12 has no package of the C library. No thread
// safety: one for each thread, added up at the end. Read on: result.hpp.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::bench {

class Histogram {
 public:
  void record(std::chrono::nanoseconds took);
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  /// What this part (0 to 1) of all that was recorded did not exceed; 0 if nothing was.
  double percentile_us(double part) const;
  double max_us() const { return static_cast<double>(max_ns_) / 1000; }

  /// (not longer than so many microseconds, how many that were longer than the one before), without
  /// those that have none; eight to a power of two: for pictures.
  std::vector<std::pair<double, std::uint64_t>> steps_us() const;

 private:
  static constexpr unsigned part_bits = 7;
  static constexpr std::size_t parts = std::size_t{1} << part_bits;

  static std::size_t place_of(std::uint64_t ns);
  /// The largest that belongs there.
  static std::uint64_t highest_ns(std::size_t place);

  std::array<std::uint64_t, (64 - part_bits + 1) * parts> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace sluice::bench
