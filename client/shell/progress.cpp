// The progress line: see progress.hpp.
#include "client/shell/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <memory>

#include "client/shell/format.hpp"

namespace sluice::shell {
namespace {

constexpr std::chrono::milliseconds redraw_every{100};

void write_to_terminal(const std::string& text) {
  // A line that could not be drawn is no reason to fail.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string progress_line(const Counts& counts, std::chrono::milliseconds elapsed) {
  const bool total_known = counts.totals_final && counts.total_bytes > 0;
  std::string line;
  if (total_known) {
    const std::uint64_t percent = counts.done_bytes >= counts.total_bytes
                                      ? 100
                                      : counts.done_bytes * 100 / counts.total_bytes;
    line += fmt::format("{}% ", percent);
  }
  if (counts.total_files > 1)
    line += fmt::format("{} of {}{} files, ", counts.done_files, counts.total_files,
                        counts.totals_final ? "" : "+");
  line += size_text(counts.done_bytes);
  if (total_known) line += " of " + size_text(counts.total_bytes);
  if (elapsed.count() <= 0) return line;

  const double per_ms =
      static_cast<double>(counts.done_bytes) / static_cast<double>(elapsed.count());
  line += fmt::format(", {}/s", size_text(static_cast<std::uint64_t>(per_ms * 1000)));
  if (total_known && per_ms > 0 && counts.done_bytes < counts.total_bytes) {
    const double left = static_cast<double>(counts.total_bytes - counts.done_bytes) / per_ms;
    const auto left_ms = std::chrono::milliseconds(static_cast<std::int64_t>(left));
    line += fmt::format(", {} left", duration_text(left_ms));
  }
  return line;
}

void ProgressLine::expect(std::uint64_t files, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  counts_.total_files += files;
  counts_.total_bytes += bytes;
}

void ProgressLine::totals_are_final() {
  const std::lock_guard lock(mutex_);
  counts_.totals_final = true;
}

void ProgressLine::file_done() {
  const std::lock_guard lock(mutex_);
  ++counts_.done_files;
  draw_if_due();
}

Progress ProgressLine::watch(std::uint64_t expected_bytes) {
  struct Seen {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
  };
  // An upload that has to begin anew goes back to 0: unsigned differences wrap and add up right.
  auto seen = std::make_shared<Seen>(Seen{0, expected_bytes});
  return [this, seen](std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(mutex_);
    counts_.done_bytes += done - seen->done;
    counts_.total_bytes += total - seen->total;
    *seen = {done, total};
    draw_if_due();
  };
}

void ProgressLine::clear() {
  const std::lock_guard lock(mutex_);
  if (shown_) write_to_terminal("\r\x1b[K");
  shown_ = false;
}

Counts ProgressLine::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::chrono::milliseconds ProgressLine::elapsed() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_);
}

void ProgressLine::draw_if_due() {
  const auto now = Clock::now();
  if (!on_terminal_ || now - drawn_ < redraw_every) return;
  drawn_ = now;
  shown_ = true;
  std::string line = progress_line(counts_, elapsed());
  if (const std::size_t columns = terminal_columns(); line.size() >= columns)
    line.resize(columns - 1);
  write_to_terminal("\r" + line + "\x1b[K");
}

}  // namespace sluice::shell
