// See histogram.hpp.
#include "bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::bench {

void Histogram::record(std::chrono::nanoseconds took) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  ++counts_[place_of(ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

// Below 128 each has a place of its own; from there on the upper eight bits count.
std::size_t Histogram::place_of(std::uint64_t ns) {
  if (ns < parts) return static_cast<std::size_t>(ns);
  const auto shift = static_cast<unsigned>(std::bit_width(ns)) - part_bits - 1;
  return shift * parts + static_cast<std::size_t>(ns >> shift);
}

std::uint64_t Histogram::highest_ns(std::size_t place) {
  if (place < 2 * parts) return place;
  const std::size_t shift = place / parts - 1;
  return ((std::uint64_t{place} - shift * parts + 1) << shift) - 1;
}

double Histogram::percentile_us(double part) const {
  const double wanted = std::ceil(part * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return static_cast<double>(std::min(highest_ns(i), max_ns_)) / 1000;
  }
  return 0;
}

std::vector<std::pair<double, std::uint64_t>> Histogram::steps_us() const {
  constexpr std::size_t together = parts / 8;
  std::vector<std::pair<double, std::uint64_t>> steps;
  for (std::size_t i = 0; i < counts_.size(); i += together) {
    std::uint64_t here = 0;
    for (std::size_t j = i; j < i + together; ++j) here += counts_[j];
    if (here == 0) continue;
    const std::uint64_t highest = std::min(highest_ns(i + together - 1), max_ns_);
    steps.emplace_back(static_cast<double>(highest) / 1000, here);
  }
  return steps;
}

}  // namespace sluice::bench
