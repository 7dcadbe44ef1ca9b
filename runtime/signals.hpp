// Signals as something to poll. Made in main before any thread starts, so that all threads inherit
// the mask.
#pragma once

#include <initializer_list>

namespace sluice::runtime {

/// Blocks the signals for this thread and those it starts, and makes them readable from a
/// descriptor.
class SignalFd {
 public:
  SignalFd(std::initializer_list<int> signals);
  ~SignalFd();
  SignalFd(const SignalFd&) = delete;
  SignalFd& operator=(const SignalFd&) = delete;

  int fd() const { return fd_; }
  /// The next signal that came, 0 if none did.
  int take();

 private:
  int fd_ = -1;
};

}  // namespace sluice::runtime
