// Messages about locks; the lock actor answers them. Plain data. Read on: docs/protocol.md,
// "Locks".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// One path that a lock names. `tree`: the path and all beneath it. `shared`: together with other
/// shared ones.
struct LockClaim {
  std::string path;
  bool tree = false;
  bool shared = false;
  bool operator==(const LockClaim&) const = default;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.may("tree", s.tree);
    v.may("shared", s.shared);
  }
};

/// Asks for a set of paths: all are granted together, or none. First come, first served per
/// conflict.
struct AcquireLock {
  static constexpr Type type = Type::acquire_lock;
  std::vector<LockClaim> claims;
  /// 0: answer `locked` at once where it is not free.
  std::uint32_t wait_ms = 0;
  /// How long the lock lives without a sign of its session; 0: the session's lease.
  std::uint32_t ttl_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("claims", s.claims);
    v.may("wait_ms", s.wait_ms);
    v.may("ttl_ms", s.ttl_ms);
  }
};

struct AcquireLockReply {
  static constexpr Type type = Type::acquire_lock_reply;
  /// NUMBER-SECRET: put it into the `token` of what is done under the lock.
  std::string token;
  std::uint32_t ttl_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("token", s.token);
    v.must("ttl_ms", s.ttl_ms);
  }
};

/// Gives a lock back. Answered with `fenced` if it was lost before.
struct ReleaseLock {
  static constexpr Type type = Type::release_lock;
  std::string token;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("token", s.token);
  }
};
using ReleaseLockReply = Empty<Type::release_lock_reply>;

/// Starts the lock's time to live anew. Sessions that send anything at all renew their locks by
/// that.
struct RenewLock {
  static constexpr Type type = Type::renew_lock;
  std::string token;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("token", s.token);
  }
};

struct RenewLockReply {
  static constexpr Type type = Type::renew_lock_reply;
  std::uint32_t ttl_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("ttl_ms", s.ttl_ms);
  }
};

/// Holders and waiters at, above (tree locks) and beneath a path, by number, paged.
struct ListLocks {
  static constexpr Type type = Type::list_locks;
  std::string path;
  /// Only those with a larger order; start with 0.
  std::uint64_t after = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("path", s.path);
    v.may("after", s.after);
  }
};

struct LockEntry {
  /// Place in the order of arrival; holders and waiters have one.
  std::uint64_t order = 0;
  /// The token's number; 0 for a waiter.
  std::uint64_t number = 0;
  std::string holder;
  std::vector<LockClaim> claims;
  /// Since it was granted, or since it began to wait.
  std::uint64_t age_ms = 0;
  /// Until its lease ends, or until it stops waiting.
  std::uint64_t left_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("order", s.order);
    v.may("number", s.number);
    v.may("holder", s.holder);
    v.must("claims", s.claims);
    v.may("age_ms", s.age_ms);
    v.may("left_ms", s.left_ms);
  }
};

struct ListLocksReply {
  static constexpr Type type = Type::list_locks_reply;
  std::vector<LockEntry> locks;
  /// Pass as `after` for the next page; 0 when this was the last.
  std::uint64_t next_after = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("locks", s.locks);
    v.may("next_after", s.next_after);
  }
};

}  // namespace sluice::protocol
