// What progress looks like: bars for a terminal of some size, a sentence for elsewhere. Pure
// functions, any thread. Read on: progress.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::shell {

/// How far all of it is.
struct Counts {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t done_files = 0;
  std::uint64_t total_files = 0;
  /// Whether the totals can still grow.
  bool totals_final = false;
};

/// How fast it goes; 0 where that is not known yet.
struct Rates {
  double bytes_per_second = 0;
  double files_per_second = 0;
};

/// How far one file is; `total_bytes` is 0 where the size is not known.
struct FileView {
  std::string name;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  double bytes_per_second = 0;
};

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// "41% 412 MiB of 1.0 GiB, 180 MiB/s, 3.3s left"; with several files "50% 120 of 3000 files, 3.1
/// MiB of 40 MiB, ...". Percent and time left once the totals are final.
std::string progress_sentence(const Counts& counts, const Rates& rates);

/// The most bars of files for a terminal: what else is on it stays in sight.
std::size_t most_bars(const TerminalSize& size);

/// A line for each of `files` (as many as there is room for) and, unless there is but one file, one
/// for all. Each is narrower than the terminal; names are escaped and cut.
std::vector<std::string> progress_lines(const Counts& counts, const Rates& rates,
                                        const std::vector<FileView>& files,
                                        const TerminalSize& size);

}  // namespace sluice::shell
