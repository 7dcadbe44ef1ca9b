// Ctrl-C, kill and the size of the terminal: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGWINCH are
// blocked in all threads and read from one descriptor by a thread of their own, which asks whatever
// runs to stop. Made by the main thread before any other thread is. What is asked to stop is one
// operation: a shell begins the next one. Read on: commands/lock.cpp, which reads the signals
// itself.
#pragma once

#include <atomic>
#include <csignal>
#include <mutex>
#include <stop_token>
#include <thread>

namespace sluice::shell {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// Of the operation under way. Any thread.
  std::stop_token token() const;
  bool happened() const { return token().stop_requested(); }
  /// Readable once interrupted: for poll() beside a descriptor that may block. Not to be read.
  int wake_fd() const { return wake_fd_; }
  /// Throws `interrupted` if it happened.
  void check() const;

  /// What happened is over, unless this process was told to end. Main thread, nothing under way.
  void begin_operation();
  /// Whether SIGTERM, SIGHUP or SIGQUIT came: then no further operation can begin.
  bool told_to_end() const { return told_to_end_; }
  /// Readable when the window has another size; whoever reads this eventfd redraws.
  int resized_fd() const { return resized_fd_; }

  /// From now on the caller reads the signals, as signalfd_siginfo, from the descriptor returned
  /// (it does not block) and nothing is stopped by them.
  int take_signals();
  /// After take_signals(): whether a Ctrl-C came that nobody has read yet.
  static bool control_c_waits();
  /// After take_signals(), when the caller does not read them any more. A Ctrl-C that is left over
  /// was meant for what ran meanwhile.
  void give_signals_back();
  /// The signal mask this process was started with, for a child.
  const sigset_t& original_mask() const { return original_mask_; }

 private:
  void watch();
  bool take_in(int signal);

  mutable std::mutex mutex_;
  std::stop_source stop_;
  std::atomic<bool> told_to_end_ = false;
  sigset_t original_mask_{};
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  int end_fd_ = -1;
  int resized_fd_ = -1;
  std::thread watcher_;
};

/// The signals of this process while a command of the system runs, which then decides what they
/// mean.
class LentSignals {
 public:
  explicit LentSignals(Interruption& interruption)
      : interruption_(interruption), fd_(interruption.take_signals()) {}
  ~LentSignals() { interruption_.give_signals_back(); }
  LentSignals(const LentSignals&) = delete;
  LentSignals& operator=(const LentSignals&) = delete;
  int fd() const { return fd_; }

 private:
  Interruption& interruption_;
  int fd_;
};

}  // namespace sluice::shell
