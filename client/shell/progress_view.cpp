// Bars and sentences: see progress_view.hpp.
#include "client/shell/progress_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "client/shell/format.hpp"
#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

using std::chrono::milliseconds;

/// Of a terminal with this many columns and more: bar and size, too; then rate and time left, too.
constexpr std::size_t columns_for_bar = 60;
constexpr std::size_t columns_for_rate = 40;
constexpr std::size_t widest_bar = 30;

struct Row {
  std::string label;
  std::uint64_t done_bytes = 0;
  /// Of 0 to 1; none if the end is not known.
  std::optional<double> fraction = {};
  double bytes_per_second = 0;
  std::optional<milliseconds> left = {};
};

std::optional<double> seconds_for(std::uint64_t done, std::uint64_t total, double per_second) {
  if (done >= total) return 0;
  if (per_second <= 0) return std::nullopt;
  return static_cast<double>(total - done) / per_second;
}

std::optional<milliseconds> milliseconds_of(std::optional<double> seconds) {
  // Nobody waits for longer than a century, and a double may hold more than milliseconds can.
  constexpr double most = 100.0 * 365 * 86'400;
  if (!seconds || *seconds <= 0) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(std::min(*seconds, most) * 1000));
}

// Many small files take time by their number, few large ones by their bytes.
std::optional<milliseconds> time_left(const Counts& counts, const Rates& rates) {
  const auto bytes = seconds_for(counts.done_bytes, counts.total_bytes, rates.bytes_per_second);
  if (counts.total_files <= 1 || !bytes) return milliseconds_of(bytes);
  const auto files = seconds_for(counts.done_files, counts.total_files, rates.files_per_second);
  return milliseconds_of(files ? std::max(*bytes, *files) : bytes);
}

std::optional<double> fraction_of(std::uint64_t done, std::uint64_t total) {
  if (total == 0) return std::nullopt;
  return done >= total ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
}

std::optional<double> fraction_of(const Counts& counts) {
  if (!counts.totals_final) return std::nullopt;
  if (counts.total_bytes == 0 && counts.total_files > 1)
    return fraction_of(counts.done_files, counts.total_files);
  return fraction_of(counts.done_bytes, counts.total_bytes);
}

std::string percent_of(double fraction) {
  return fmt::format("{}%", static_cast<int>(fraction * 100));
}

std::string files_text(const Counts& counts) {
  return fmt::format("{} of {}{} files", counts.done_files, counts.total_files,
                     counts.totals_final ? "" : "+");
}

std::string rate_text(double bytes_per_second) {
  return size_text(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

std::string bar(std::optional<double> fraction, std::size_t columns) {
  if (!fraction) return std::string(columns, ' ');
  const std::size_t inside = columns - 2;
  const auto full = static_cast<std::size_t>(*fraction * static_cast<double>(inside));
  std::string text(full, '=');
  if (full < inside) text += '>';
  return "[" + text + std::string(inside - text.size(), ' ') + "]";
}

std::string line_of(const Row& row, std::size_t columns) {
  // The last column stays free: some terminals go to the next line behind it.
  const std::size_t width = columns > 0 ? columns - 1 : 0;
  const std::string percent = row.fraction ? percent_of(*row.fraction) : "";
  const std::string left = row.left ? duration_text(*row.left) : "";
  std::string end;
  if (width >= columns_for_bar) {
    end = fmt::format(" {:>4}  {:>7}  {:>9}  {:>6}", percent, size_text(row.done_bytes),
                      rate_text(row.bytes_per_second), left);
    const std::size_t bar_columns = std::min(widest_bar, (width - end.size()) / 2);
    end = " " + bar(row.fraction, bar_columns) + end;
  } else if (width >= columns_for_rate) {
    end = fmt::format(" {:>4}  {:>9}  {:>6}", percent, rate_text(row.bytes_per_second), left);
  } else {
    end = fmt::format(" {:>4}", row.fraction ? percent : size_text(row.done_bytes));
  }
  if (end.size() > width) return end.substr(end.size() - width);
  return fitted(row.label, width - end.size()) + end;
}

Row row_of(const FileView& file) {
  return {.label = escaped(file.name),
          .done_bytes = file.done_bytes,
          .fraction = fraction_of(file.done_bytes, file.total_bytes),
          .bytes_per_second = file.bytes_per_second,
          .left = milliseconds_of(
              seconds_for(file.done_bytes, file.total_bytes, file.bytes_per_second))};
}

Row row_of(const Counts& counts, const Rates& rates) {
  return {.label = files_text(counts),
          .done_bytes = counts.done_bytes,
          .fraction = fraction_of(counts),
          .bytes_per_second = rates.bytes_per_second,
          .left = counts.totals_final ? time_left(counts, rates) : std::nullopt};
}

}  // namespace

std::string progress_sentence(const Counts& counts, const Rates& rates) {
  const auto fraction = fraction_of(counts);
  std::string line;
  if (fraction) line += percent_of(*fraction) + " ";
  if (counts.total_files > 1) line += files_text(counts) + ", ";
  line += size_text(counts.done_bytes);
  if (fraction) line += " of " + size_text(counts.total_bytes);
  line += ", " + rate_text(rates.bytes_per_second);
  if (const auto left = time_left(counts, rates); fraction && left)
    line += ", " + duration_text(*left) + " left";
  return line;
}

std::size_t most_bars(const TerminalSize& size) {
  constexpr std::size_t most = 8;
  return std::clamp<std::size_t>(size.rows / 2, 1, most + 1) - 1;
}

std::vector<std::string> progress_lines(const Counts& counts, const Rates& rates,
                                        const std::vector<FileView>& files,
                                        const TerminalSize& size) {
  const bool alone = counts.totals_final && counts.total_files <= 1;
  const std::size_t most = alone ? 1 : most_bars(size);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(most, files.size()); ++i)
    lines.push_back(line_of(row_of(files[i]), size.columns));
  if (!alone) lines.push_back(line_of(row_of(counts, rates), size.columns));
  return lines;
}

}  // namespace sluice::shell
