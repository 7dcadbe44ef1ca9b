// Counting and drawing: see progress.hpp.
#include "client/shell/progress.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "client/shell/format.hpp"
#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds redraw_every{100};
/// What is over sooner needs no bar.
constexpr milliseconds first_draw_after{500};
constexpr seconds line_every{10};
constexpr seconds line_often{1};
/// A file has a bar of its own if it is large, or has taken long already.
constexpr std::uint64_t large_file_bytes = 8u << 20;
constexpr seconds long_time{2};

// A terminal that was stopped, or a pipe that nobody reads, must not hold up the transfer.
bool can_be_written() {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0;
}

void write_out(const std::string& text) {
  // What could not be shown is no reason to fail.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

TerminalSize terminal_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

}  // namespace

void ProgressDisplay::be_quiet() {
  place_ = Place::nowhere;
  quiet_ = true;
}

void ProgressDisplay::tell_often() {
  often_ = true;
}

void ProgressDisplay::expect(std::uint64_t files, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  counts_.total_files += files;
  counts_.total_bytes += bytes;
  begin_telling();
}

void ProgressDisplay::totals_are_final() {
  const std::lock_guard lock(mutex_);
  counts_.totals_final = true;
}

Counts ProgressDisplay::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

milliseconds ProgressDisplay::elapsed() const {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begun_);
}

std::unique_lock<std::mutex> ProgressDisplay::hide() {
  std::unique_lock lock(mutex_);
  erase();
  return lock;
}

void ProgressDisplay::end() {
  if (!teller_.joinable()) return;
  teller_.request_stop();
  teller_.join();
  const auto hidden = hide();
  if (place_ != Place::lines || !often_) return;
  const auto whole_ms = static_cast<double>(std::max<std::int64_t>(elapsed().count(), 1));
  print_line({.bytes_per_second = static_cast<double>(counts_.done_bytes) * 1000 / whole_ms,
              .files_per_second = static_cast<double>(counts_.done_files) * 1000 / whole_ms});
}

// Under the mutex.
void ProgressDisplay::begin_telling() {
  if (place_ == Place::nowhere || teller_.joinable()) return;
  next_line_ = Clock::now() + (often_ ? line_often : line_every);
  teller_ = std::jthread([this](const std::stop_token& stop) { tell(stop); });
}

void ProgressDisplay::tell(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_for(lock, stop, redraw_every, [] { return false; });
    if (stop.stop_requested()) return;
    draw(Clock::now());
  }
}

void ProgressDisplay::draw(Clock::time_point now) {
  bytes_rate_.note(now, counts_.done_bytes);
  files_rate_.note(now, counts_.done_files);
  for (File& file : files_) file.rate.note(now, file.done_bytes);
  const Rates rates{.bytes_per_second = bytes_rate_.per_second(),
                    .files_per_second = files_rate_.per_second()};
  if (place_ == Place::lines) {
    if (now < next_line_) return;
    next_line_ = now + (often_ ? line_often : line_every);
    return print_line(rates);
  }
  if (now - begun_ < first_draw_after || !can_be_written()) return;
  const TerminalSize size = terminal_size();
  const auto lines = progress_lines(counts_, rates, worth_a_bar(now), size);
  std::string text;
  move_to_first_line(text, size.columns);
  drawn_.clear();
  for (const std::string& line : lines) {
    if (!drawn_.empty()) text += "\r\n";
    text += line + "\x1b[K";
    drawn_.push_back(text_width(line));
  }
  // At its beginning, so that the ^C a terminal shows does not begin a line that nobody erases.
  text += "\x1b[J\r";
  write_out(text);
}

void ProgressDisplay::print_line(const Rates& rates) const {
  if (!can_be_written()) return;
  std::string line = "sluice: ";
  if (counts_.total_files == 1 && files_.size() == 1) line += one_line(files_.front().name) + ": ";
  write_out(line + progress_sentence(counts_, rates) + "\n");
}

void ProgressDisplay::erase() {
  if (drawn_.empty()) return;
  std::string text;
  move_to_first_line(text, terminal_size().columns);
  drawn_.clear();
  if (can_be_written()) write_out(text + "\x1b[J");
}

// Terminals that have become narrower since break the lines that are on them.
void ProgressDisplay::move_to_first_line(std::string& text, std::size_t columns) const {
  std::size_t rows = 0;
  for (std::size_t i = 0; i + 1 < drawn_.size(); ++i)
    rows += std::max<std::size_t>(1, (drawn_[i] + columns - 1) / columns);
  text += "\r";
  if (rows > 0) text += "\x1b[" + std::to_string(rows) + "A";
}

std::vector<FileView> ProgressDisplay::worth_a_bar(Clock::time_point now) const {
  const bool alone = counts_.total_files <= 1;
  std::vector<FileView> views;
  for (const File& file : files_)
    if (alone || file.total_bytes >= large_file_bytes || now - file.begun >= long_time)
      views.push_back({file.name, file.done_bytes, file.total_bytes, file.rate.per_second()});
  return views;
}

FileProgress::FileProgress(ProgressDisplay& display, std::string name, std::uint64_t expected_bytes)
    : display_(display) {
  const auto now = ProgressDisplay::Clock::now();
  const std::lock_guard lock(display_.mutex_);
  file_ = display_.files_.insert(display_.files_.end(),
                                 {std::move(name), 0, expected_bytes, now, RateMeter(now, 0)});
}

FileProgress::~FileProgress() {
  const std::lock_guard lock(display_.mutex_);
  display_.files_.erase(file_);
  ++display_.counts_.done_files;
}

Progress FileProgress::callback() {
  return [this](std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(display_.mutex_);
    // An upload that has to begin anew goes back to 0: unsigned differences wrap and add up right.
    display_.counts_.done_bytes += done - file_->done_bytes;
    display_.counts_.total_bytes += total - file_->total_bytes;
    file_->done_bytes = done;
    file_->total_bytes = total;
  };
}

}  // namespace sluice::shell
