// A command of this machine, run by `sluice lock` or the shell. It does not outlive the process
// that waits for it: the kernel sends it SIGTERM when that is killed. Main thread, whose end counts
// as the process's. Read on: commands/lock.cpp.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace sluice::shell {

class Child {
 public:
  /// Searches $PATH. `variables` are set in the child's environment besides this process's. Throws
  /// std::system_error if it cannot be started.
  Child(const std::vector<std::string>& command,
        const std::vector<std::pair<std::string, std::string>>& variables, const sigset_t& mask);
  /// Waits for it if nobody has.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Readable once it has ended.
  int ended_fd() const { return ended_fd_; }
  void send(int signal);
  /// Waits; its exit status, or 128 and the signal that ended it.
  int wait();

 private:
  pid_t pid_ = -1;
  int ended_fd_ = -1;
  int status_ = -1;
};

}  // namespace sluice::shell
