// A lock as a value: held for as long as it lives. Read on: sluice/client.hpp, Client::acquire.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sluice/error.hpp"
#include "sluice/types.hpp"

namespace sluice {

namespace client {
class Operations;
}

/// A lock that is held. It renews itself while it lives and its Client does: heartbeats of the
/// session keep it, however idle the program is. It may outlive the Client, but is lost then. One
/// thread at a time may change it (move, assign, renew, upgrade, downgrade, release, destroy); the
/// rest is for any thread meanwhile.
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
  /// Why it is lost: `lease_expired` or `fenced`, with the path and a sentence; nothing while it is
  /// held.
  std::optional<Error> loss() const;
  /// Asks the server, and starts the time to live anew; blocks for the answer. Needed by nobody who
  /// does not doubt the heartbeats. Throws `fenced` if the lock is lost, `unreachable`.
  void renew();
  /// Makes a shared lock exclusive, all its paths; token and number stay. Blocks for up to
  /// Upgrade::wait, shared meanwhile, and is served before those who came later. Throws, and is as
  /// shared as before: `locked` (names a holder), `wait_timeout`, `cancelled`, `deadlock` (two that
  /// upgrade would wait for each other: downgrade or release, and try again). `fenced` and
  /// `lease_expired` if the lock is lost, `unreachable`. After `unreachable` and `timed_out` nobody
  /// knows which it is.
  void upgrade(const Upgrade& how = {});
  /// Makes an exclusive lock shared, all its paths: others that want it shared get it at once.
  /// Blocks for the answer. Throws `fenced`, `lease_expired`, `unreachable`.
  void downgrade();
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
