// The locks that this process holds, as far as it can know without asking. A lock is proven to be
// alive as of the time at which something was sent that the server has answered since; when no such
// time lies within its time to live, it counts as lost. Any thread. Read on: client/lock.cpp.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/loss_watch.hpp"
#include "protocol/messages/locks.hpp"
#include "runtime/actor.hpp"

namespace sluice::client {

class HeldLock {
 public:
  HeldLock(std::string token, runtime::Time ttl, runtime::Time proven,
           std::shared_ptr<LossWatch> watch)
      : token_(std::move(token)), ttl_(ttl), proven_ms_(proven.count()), watch_(std::move(watch)) {}

  const std::string& token() const { return token_; }
  runtime::Time ttl() const { return ttl_; }
  LossWatch& watch() const { return *watch_; }
  /// Until when it lives without a further proof.
  runtime::Time end() const { return runtime::Time(proven_ms_) + ttl_; }
  /// Once true it stays so.
  bool is_lost(runtime::Time now);
  void lose();
  /// The same as `is_lost`, for the watch itself.
  bool look(runtime::Time now);
  /// Something sent at `proven` has been answered at `now`. Whether the lock was surely alive when
  /// it reached the server; then this proof is taken.
  bool prove(runtime::Time proven, runtime::Time now);
  /// The server has said that it is alive.
  void renewed(runtime::Time proven);
  /// Nobody wants to hear of it any more; under the watch's mutex.
  void give_up() { given_up_ = true; }
  bool is_given_up() const { return given_up_; }

 private:
  const std::string token_;
  const runtime::Time ttl_;
  std::atomic<runtime::Time::rep> proven_ms_;
  std::atomic<bool> lost_ = false;
  bool given_up_ = false;
  const std::shared_ptr<LossWatch> watch_;
};

class HeldLocks {
 public:
  ~HeldLocks();
  /// A grant that has arrived at `now`. Tells whether the server must be asked if it still stands:
  /// no sign of the server is recent enough.
  bool add(const protocol::AcquireLockReply& grant, runtime::Time now);
  std::shared_ptr<HeldLock> find(const std::string& token) const;
  /// The same, or one that is lost: the session was lost between the grant and now.
  std::shared_ptr<HeldLock> find_or_lost(const protocol::AcquireLockReply& grant) const;
  void remove(const std::string& token);
  void lose(const std::string& token);
  void lose_all();
  /// A later proof; gives the tokens of those locks for which it comes after too long a gap, so
  /// that the server must be asked.
  std::vector<std::string> prove(runtime::Time proven, runtime::Time now);
  LossWatch& watch() { return *watch_; }

 private:
  const std::shared_ptr<LossWatch> watch_ = std::make_shared<LossWatch>();
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HeldLock>> locks_;
  runtime::Time proven_{0};
};

}  // namespace sluice::client
