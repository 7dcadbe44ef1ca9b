// The one line on a terminal that tells how far a transfer is. Counts from any thread; nothing is
// drawn before half a second has passed, and nothing at all where standard error is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "sluice/types.hpp"

namespace sluice::shell {

struct Counts {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t done_files = 0;
  std::uint64_t total_files = 0;
  /// Whether the totals can still grow.
  bool totals_final = false;
};

/// "41% 412 MiB of 1.0 GiB, 180 MiB/s, 3.3s left"; with several files "120 of 3000 files, 3.1 MiB
/// of 40 MiB, ...". Times are of the whole transfer so far.
std::string progress_line(const Counts& counts, std::chrono::milliseconds elapsed);

class ProgressLine {
 public:
  explicit ProgressLine(bool on_terminal) : on_terminal_(on_terminal) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void expect(std::uint64_t files, std::uint64_t bytes);
  void totals_are_final();
  void file_done();
  /// For one transfer of a file: `expected_bytes` of it were told to expect() already.
  Progress watch(std::uint64_t expected_bytes);
  /// Takes the line away, so that something else can be written.
  void clear();
  Counts counts() const;
  std::chrono::milliseconds elapsed() const;

 private:
  using Clock = std::chrono::steady_clock;

  void draw_if_due();

  const bool on_terminal_;
  mutable std::mutex mutex_;
  Counts counts_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point drawn_ = begun_ + std::chrono::milliseconds(400);
  bool shown_ = false;
};

}  // namespace sluice::shell
