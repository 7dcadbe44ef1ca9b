// Tells the user of a terminal what a command with --wait waits for, once it has waited for a
// second: who holds the lock. A thread of its own asks the server as long as this lives, each
// second for so few pages of the list that the server need not mind. Made by the main thread. Read
// on: commands/lock.cpp, commands/put.cpp.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "client/shell/invocation.hpp"

namespace sluice::shell {

class LockWaitNote {
 public:
  /// `claims` are what the command takes, `token` what it does it under.
  LockWaitNote(Invocation& run, std::vector<Claim> claims, std::chrono::milliseconds wait,
               const std::string& token = {});
  /// For a change of these paths; `recursive` if all beneath them is changed too.
  LockWaitNote(Invocation& run, const std::vector<std::string>& paths, const Change& change,
               bool recursive = false);

 private:
  void watch(const std::stop_token& stop);
  bool tell(const std::stop_token& stop);

  Invocation& run_;
  const std::vector<Claim> claims_;
  const std::string token_;
  std::jthread thread_;
};

}  // namespace sluice::shell
