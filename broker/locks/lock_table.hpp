// The lock table: who holds which paths, who waits, and whose turn it is. A pure data structure
// without time, sessions or tokens; used by the lock actor's thread alone. Read on: path_index.hpp,
// lock_actor.hpp.
//
// Claims. A request is a set of claims, granted all together or not at all; claims of one request
// never conflict with each other. Two claims TOUCH when their paths are equal, or one is a tree and
// its path is an ancestor of the other's; the root "" as a tree touches everything. Touching claims
// of two requests CONFLICT unless both are shared or both belong to commits.
//
// Order. The id of a request is its place in the order of arrival. In that order:
//   1. An explicit request waits while it conflicts with any holder or with any earlier waiter, of
//   either kind.
//   2. An explicit waiter is NEXT UP when it conflicts with no explicit holder and with no earlier
//   waiter:
//      only commits under way keep it waiting.
//   3. A commit waits while it conflicts with an explicit holder, or with an earlier waiter that is
//   next up.
// So nobody is passed by a later explicit request. Commits pass an explicit waiter as long as that
// one could not go anyway: because an explicit lock is in its way, or because a waiter before it is
// (whether that one waits for a lock or for commits; then the commit has to do with that one, if
// they conflict). As soon as nothing but commits stands before a waiter, later commits queue behind
// it. Once next up, a waiter stays so until it is granted or withdrawn: nothing that conflicts with
// it can be granted any more.
//
// Waking. Each waiter watches one request that is in its way, the latest where there is a choice;
// only when that one goes is it weighed again. A queue of n on one key therefore drains in n steps.
// `weighed()` counts.
//
// Conversion. A shared holder that wants to become exclusive keeps what it has, waits for the other
// explicit holders and those next up, and for nobody else: every waiter that conflicts with it
// waits for this holder anyway. All who come later wait for it as for an exclusive one. Two that
// convert and touch would wait for each other for ever: the second is not taken.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "broker/locks/path_index.hpp"
#include "protocol/messages/locks.hpp"

namespace sluice::broker::locks {

enum class Kind : std::uint8_t {
  explicit_lock,
  /// The implicit lock of a change, held for just its commit; the `shared` of its claims means
  /// nothing.
  commit,
  /// A holder's wish to become exclusive; `LockTable::upgrade` makes it.
  upgrade,
};

struct Request {
  /// Larger than that of every request before.
  Id id = 0;
  Kind kind = Kind::explicit_lock;
  std::vector<protocol::LockClaim> claims;
};

/// Who is in the way of a request.
struct Blocker {
  Id id = 0;
  /// The path of the request's own claim that conflicts.
  std::string path;
  /// Nothing but commits under way is in the way.
  bool only_commits = false;
};

class LockTable {
 public:
  /// True: granted. False: it waits, and a later `remove` will tell of its grant.
  bool submit(Request request);

  /// Puts in a holder without looking: one of before a restart, or one that has no `blocker`.
  void hold(Request request);

  /// Who would be in the way of a request that came now; nobody: `submit` would grant it. Explicit
  /// holders are named before waiters, and commits under way last.
  std::optional<Blocker> blocker(Kind kind, const std::vector<protocol::LockClaim>& claims) const;
  /// Who is in the way of one that waits.
  std::optional<Blocker> blocker_of(Id id) const;

  /// Releases a holder or withdraws a waiter; gives those that are granted by it, in order of
  /// arrival. An unknown id changes nothing.
  std::vector<Id> remove(Id id);

  /// Another holder that waits to become exclusive and touches this one: then `upgrade` must not be
  /// asked for.
  std::optional<Id> meets_conversion(Id holder) const;
  /// Who would be in the way of an upgrade of this holder now.
  std::optional<Blocker> upgrade_blocker(Id holder) const;
  /// Makes all claims of a holder exclusive. True: done. False: this request waits, and a later
  /// `remove` will tell of its grant; the holder, which must not be removed meanwhile, has what it
  /// had.
  bool upgrade(Id id, Id holder);
  /// Makes all claims of a holder shared; gives those that are granted by it.
  std::vector<Id> downgrade(Id holder);

  /// What one search has looked at already.
  struct Seen {
    /// For a claim (its path; whether it is a tree, of a commit, shared): all in front of this id.
    std::map<std::tuple<std::string_view, bool, bool, bool>, Id> up_to = {};
    /// How many more paths beneath trees it may look at.
    std::size_t steps = 200'000;
  };
  /// Calls `take` with each that one who waits has to wait for, as long as that gives true: holders
  /// and, of an explicit lock or a commit, waiters in front. Those in front of an equal claim that
  /// `seen` knows of are left out, so that to go through a queue of n one by one costs n, and not
  /// the square of n. `seen` is good as long as the table is not changed.
  void each_in_front_of(Id id, Seen& seen, const std::function<bool(Id)>& take) const;
  /// The path of the first's claim that touches one of the second's; empty if none does.
  std::string where_they_meet(Id first, Id second) const;

  /// Whether an exclusive claim of this holder covers the path (with all beneath it, if `tree`).
  bool covers(Id id, std::string_view path, bool tree) const;
  /// Known and granted.
  bool holds(Id id) const;
  /// Nothing if unknown.
  const std::vector<protocol::LockClaim>* claims(Id id) const;

  struct Page {
    std::vector<Id> ids;
    /// Where to go on; 0: there are no more.
    Id next_after = 0;
  };
  /// Holders and waiters at, above (trees) and beneath a path, in order of arrival, beginning after
  /// `after`; without commits under way. A page ends early, and may be empty, when it has looked at
  /// `scan` of all that is in the table.
  Page list(std::string_view path, Id after, std::size_t limit, std::size_t scan) const;

  std::size_t size() const { return entries_.size(); }
  /// How often a request was compared with what is in the table, since the start.
  std::uint64_t weighed() const { return weighed_; }
  const PathIndex& index() const { return index_; }

 private:
  struct Entry {
    Kind kind{};
    bool held = false;
    bool next_up = false;
    /// Of a holder: the request that waits to make it exclusive. Of an upgrade: its holder.
    Id conversion = 0;
    Id watches = 0;
    std::vector<protocol::LockClaim> claims;
    /// Those who wait and watch this one; nothing instead of none.
    std::unique_ptr<std::set<Id>> watchers;
  };
  struct InTheWay {
    Id id = 0;
    bool only_commits = false;
  };
  InTheWay weigh(Kind kind, const std::vector<protocol::LockClaim>& claims, Id id) const;
  std::optional<Blocker> name_blocker(Kind kind, const std::vector<protocol::LockClaim>& claims,
                                      Id id) const;
  void watch(Id id, Entry& entry, const InTheWay& in_the_way);
  void index(Id id, const Entry& entry, bool held, bool in);
  InTheWay weigh(Id id, const Entry& entry) const;
  const std::vector<protocol::LockClaim>& claims_of(const Entry& entry) const;
  static bool is_listed(const Entry& entry, std::string_view path);
  Id weigh_upgrade(Id holder) const;
  void index_upgrade(Id id, const Entry& holder, bool in);
  void take_place(Id id, Entry& entry);
  void convert(Id holder, Entry& entry, bool shared);
  std::vector<Id> weigh_all(std::set<Id> to_weigh);
  std::set<Id> take_watchers(Entry& entry);

  std::map<Id, Entry> entries_;
  PathIndex index_;
  mutable std::uint64_t weighed_ = 0;
};

}  // namespace sluice::broker::locks
