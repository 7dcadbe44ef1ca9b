// Ctrl-C and kill: SIGINT, SIGTERM and SIGHUP are blocked in all threads and read from one
// descriptor by a thread of their own, which then asks whatever runs to stop. Made by the main
// thread before any other thread is. Read on: commands/lock.cpp, which reads the signals itself.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace sluice::shell {

class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  bool happened() const { return stop_.stop_requested(); }
  /// Readable once interrupted: for poll() beside a descriptor that may block. Not to be read.
  int wake_fd() const { return wake_fd_; }
  /// Throws `interrupted` if it happened.
  void check() const;

  /// From now on the caller reads the signals, as signalfd_siginfo, from the descriptor returned
  /// (it does not block) and nothing is stopped by them.
  int take_signals();
  /// The signal mask this process was started with, for a child.
  const sigset_t& original_mask() const { return original_mask_; }

 private:
  void watch();

  std::stop_source stop_;
  sigset_t original_mask_{};
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  int end_fd_ = -1;
  std::thread watcher_;
};

}  // namespace sluice::shell
