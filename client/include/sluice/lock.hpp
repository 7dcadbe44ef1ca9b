// A lock as a value: held for as long as it lives. Read on: sluice/client.hpp, Client::acquire.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "sluice/error.hpp"

namespace sluice {

namespace client {
class Operations;
}

/// A lock that is held. It renews itself while it lives and its Client does: heartbeats of the
/// session keep it, however idle the program is. It may outlive the Client, but is lost then. One
/// thread at a time may change it (move, assign, renew, release, destroy); the rest is for any
/// thread meanwhile.
class SLUICE_API Lock {
 public:
  /// No lock: lost() from the beginning, its token empty.
  Lock() noexcept;
  /// Leaves no lock behind.
  Lock(Lock&&) noexcept;
  /// Releases what was held before, quietly and without waiting for the server.
  Lock& operator=(Lock&&) noexcept;
  /// Releases, quietly and without waiting for the server; waits for a call of Acquire::on_lost
  /// that is under way.
  ~Lock();

  /// NUMBER-SECRET: goes into Change::token, or into $SLUICE_LOCK_TOKEN of a child. Empty for a
  /// default-made Lock.
  const std::string& token() const noexcept;
  /// Grows with every grant of the server; what others see in lists. 0 for a default-made Lock.
  std::uint64_t number() const noexcept;
  /// How long it lives without a sign of this process.
  std::chrono::milliseconds ttl() const noexcept;
  /// Whether this side can no longer be sure to hold it: the server has said so, has forgotten the
  /// session, or was out of reach for longer than the time to live. Asks nobody, does not block;
  /// once true it stays so. Acquire::on_lost tells the same without being asked.
  bool lost() const noexcept;
  /// Asks the server, and starts the time to live anew; blocks for the answer. Needed by nobody who
  /// does not doubt the heartbeats. Throws `fenced` if the lock is lost, `unreachable`.
  void renew();
  /// Gives it back, and blocks until the server has answered; waits for a call of Acquire::on_lost
  /// that is under way. Throws `fenced` if it was lost before, `unreachable`. The second call does
  /// nothing.
  void release();

 private:
  friend class client::Operations;
  friend class AsyncClient;
  struct Impl;
  explicit Lock(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
