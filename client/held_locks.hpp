// The locks that this process holds, as far as it can know without asking. A lock is proven to be
// alive as of the time at which something was sent that the server has answered since; when no such
// time lies within its time to live, it counts as lost. What a session sends proves all its locks
// at once, but those that are in doubt: after a gap, or until a restarted server has confirmed
// them, only the server's word about the lock itself does. Any thread. Read on: client/lock.cpp.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/loss_watch.hpp"
#include "client/ttl_counts.hpp"
#include "protocol/errors.hpp"
#include "protocol/messages/locks.hpp"
#include "runtime/actor.hpp"

namespace sluice::client {

/// As of when the server is known to have heard the session; milliseconds.
using SessionProof = std::atomic<runtime::Time::rep>;

class HeldLock {
 public:
  HeldLock(std::string token, runtime::Time ttl, runtime::Time proven,
           std::shared_ptr<const SessionProof> session, std::shared_ptr<LossWatch> watch)
      : token_(std::move(token)),
        ttl_(ttl),
        session_(std::move(session)),
        watch_(std::move(watch)),
        proven_(proven) {}

  const std::string& token() const { return token_; }
  runtime::Time ttl() const { return ttl_; }
  LossWatch& watch() const { return *watch_; }
  /// Until when it lives without a further proof.
  runtime::Time end() const;
  /// Once true it stays so.
  bool is_lost(runtime::Time now);
  /// The first reason counts.
  void lose(const protocol::Error& reason);
  /// The same as `is_lost`, for the watch itself.
  bool look(runtime::Time now);
  /// Why it is lost, if it is.
  std::optional<protocol::Error> loss() const;
  /// What the session sends proves nothing about it any more.
  void doubt();
  bool is_doubted() const;
  /// The server has said at `now`, asked at `proven`, that it is alive. Whether it surely is still;
  /// otherwise the server must be asked again.
  bool renewed(runtime::Time proven, runtime::Time now);
  /// Nobody wants to hear of it any more; under the watch's mutex.
  void give_up() { given_up_ = true; }
  bool is_given_up() const { return given_up_; }

 private:
  runtime::Time last_proof() const;
  bool set_lost(const protocol::Error& reason);

  const std::string token_;
  const runtime::Time ttl_;
  const std::shared_ptr<const SessionProof> session_;
  const std::shared_ptr<LossWatch> watch_;
  std::atomic<bool> lost_ = false;
  bool given_up_ = false;
  mutable std::mutex mutex_;
  runtime::Time proven_;
  bool doubted_ = false;
  std::optional<protocol::Error> loss_;
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
  void lose(const std::string& token, const protocol::Error& reason);
  /// By its number alone, as lists show it.
  void lose(std::uint64_t number, const protocol::Error& reason);
  void lose_all(const protocol::Error& reason);
  /// The server was restarted: all are in doubt until `HeldLock::renewed`.
  void doubt_all();
  /// A later proof; gives the tokens of those locks for which it comes after too long a gap, so
  /// that the server must be asked.
  std::vector<std::string> prove(runtime::Time proven, runtime::Time now);
  LossWatch& watch() { return *watch_; }

 private:
  using Locks = std::map<std::string, std::shared_ptr<HeldLock>>;
  runtime::Time proven() const { return runtime::Time(proven_->load()); }

  const std::shared_ptr<LossWatch> watch_ = std::make_shared<LossWatch>();
  const std::shared_ptr<SessionProof> proven_ = std::make_shared<SessionProof>(0);
  mutable std::mutex mutex_;
  Locks locks_;
  TtlCounts ttls_;
};

}  // namespace sluice::client
