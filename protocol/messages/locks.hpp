// Messages about locks; the lock actor answers them. Plain data. Read on: docs/protocol.md,
// "Locks".
#pragma once

#include <string>
#include <string_view>

#include "protocol/codec.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/time_text.hpp"
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
  /// Not empty: the lock belongs to this name and not to the session. It outlives the session, and
  /// lives for `ttl_ms` since it was granted or renewed by its token. At most 128 bytes.
  std::string owner = {};
  /// Which of the session's threads of work asks. One that waits is taken to release nothing
  /// meanwhile; what others of the session hold does not make a deadlock.
  std::uint64_t agent = 0;
  /// The token of a lock whose holder waits for this one too, as `lock A -- lock B` does; may be
  /// empty.
  std::string under = {};
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("claims", s.claims);
    v.may("wait_ms", s.wait_ms);
    v.may("ttl_ms", s.ttl_ms);
    v.may("owner", s.owner);
    v.may("agent", s.agent);
    v.may("under", s.under);
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
  /// May be empty with `last`: the session holds none.
  std::string token;
  /// After a restart: the session has renewed all that it holds. What it does not know of goes at
  /// once.
  bool last = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("token", s.token);
    v.may("last", s.last);
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

/// Makes an exclusive lock shared (at once), or a shared one exclusive (when no other holder is in
/// the way; it keeps what it has meanwhile, and later requests queue behind it). The token stays
/// the same. Stopped by `Cancel`; two that would wait for each other: `deadlock`.
struct ConvertLock {
  static constexpr Type type = Type::convert_lock;
  std::string token;
  bool shared = false;
  std::uint32_t wait_ms = 0;
  std::uint64_t agent = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("token", s.token);
    v.may("shared", s.shared);
    v.may("wait_ms", s.wait_ms);
    v.may("agent", s.agent);
  }
};
using ConvertLockReply = Empty<Type::convert_lock_reply>;

/// An administrator takes a lock away: by the number that lists show. Its holder is fenced and
/// told.
struct BreakLock {
  static constexpr Type type = Type::break_lock;
  std::uint64_t number = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("number", s.number);
  }
};
using BreakLockReply = Empty<Type::break_lock_reply>;

/// Server to client, unasked (request id 0), over the control connection: a lock of this session is
/// gone. A hint that comes early: what is done under its token fails in any case.
struct LockLost {
  static constexpr Type type = Type::lock_lost;
  std::uint64_t number = 0;
  /// `lease_expired` or `fenced`.
  Code code{};
  std::string detail;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("number", s.number);
    v.must("code", s.code);
    v.may("detail", s.detail);
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

/// How errors tell of a holder: "held by NAME for 3 s, 8 s left on its lease". Time left is rounded
/// up, so that nobody reads "0 s left" of a living lock.
inline std::string held_text(std::string_view holder, std::uint64_t age_ms, std::uint64_t left_ms) {
  return "held by " + std::string(holder) + " for " + time_text(age_ms / 1000) + ", " +
         time_text((left_ms + 999) / 1000) + " left on its lease";
}

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
