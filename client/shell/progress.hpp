// Tells how far a transfer is: bars on a terminal, redrawn ten times a second by a thread of its
// own; a line now and then where standard error is none. Counts come from any thread; choose() and
// end() are the main thread's. Nothing is told in the first moments. Read on: progress_view.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/shell/progress_view.hpp"
#include "client/shell/rate_meter.hpp"
#include "sluice/types.hpp"

namespace sluice::shell {

class ProgressDisplay {
 public:
  enum class Place { terminal, lines, nowhere };

  explicit ProgressDisplay(Place place) : place_(place) {}
  ~ProgressDisplay() { end(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// Not a word from now on; before the first count.
  void be_quiet();
  /// Where there is no terminal, a line each second, and one at the end; before the first count.
  void tell_often();
  bool is_quiet() const { return quiet_; }

  /// More is to be moved.
  void expect(std::uint64_t files, std::uint64_t bytes);
  void totals_are_final();
  Counts counts() const;
  std::chrono::milliseconds elapsed() const;

  /// Takes away what is drawn and keeps it away for as long as the result lives, so that something
  /// else can be written to the terminal. Any thread.
  [[nodiscard]] std::unique_lock<std::mutex> hide();
  /// Takes away what is drawn, for good.
  void end();

 private:
  friend class FileProgress;
  using Clock = std::chrono::steady_clock;

  /// A file under way.
  struct File {
    std::string name;
    std::uint64_t done_bytes;
    std::uint64_t total_bytes;
    Clock::time_point begun;
    RateMeter rate;
  };

  void begin_telling();
  void tell(const std::stop_token& stop);
  void draw(Clock::time_point now);
  void print_line(const Rates& rates) const;
  void erase();
  void move_to_first_line(std::string& text, std::size_t columns) const;
  std::vector<FileView> worth_a_bar(Clock::time_point now) const;

  Place place_;
  bool quiet_ = false;
  bool often_ = false;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  Counts counts_;
  std::list<File> files_;
  const Clock::time_point begun_ = Clock::now();
  RateMeter bytes_rate_{begun_, 0};
  RateMeter files_rate_{begun_, 0};
  Clock::time_point next_line_{};
  /// Widths of the lines that are on the terminal now.
  std::vector<std::size_t> drawn_;
  std::jthread teller_;
};

/// One file under way, from its first to its last byte; then it counts as done, whatever became of
/// it. Belongs to the thread that moves the file.
class FileProgress {
 public:
  /// `expected_bytes` of it were told to expect() already.
  FileProgress(ProgressDisplay& display, std::string name, std::uint64_t expected_bytes);
  ~FileProgress();
  FileProgress(const FileProgress&) = delete;
  FileProgress& operator=(const FileProgress&) = delete;

  /// For Call::progress; valid as long as this lives.
  Progress callback();

 private:
  ProgressDisplay& display_;
  std::list<ProgressDisplay::File>::iterator file_;
};

}  // namespace sluice::shell
