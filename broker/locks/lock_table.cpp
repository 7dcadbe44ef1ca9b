// The lock table: see lock_table.hpp for the rules.
#include "broker/locks/lock_table.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>

#include "protocol/path.hpp"

namespace sluice::broker::locks {
namespace {

using protocol::LockClaim;

constexpr Id end_of_queue = std::numeric_limits<Id>::max();

Lane lane_of(Kind kind, bool shared, bool held) {
  if (kind == Kind::commit) return held ? Lane::held_commit : Lane::waiting_commit;
  if (shared) return held ? Lane::held_shared : Lane::waiting_shared;
  return held ? Lane::held_exclusive : Lane::waiting_exclusive;
}

constexpr Lane commits_under_way[] = {Lane::held_commit};

// Explicit holders that conflict with such a claim.
std::span<const Lane> conflicting_holders(Kind kind, bool shared) {
  static constexpr Lane all[] = {Lane::held_exclusive, Lane::held_shared};
  return std::span(all).first(kind == Kind::explicit_lock && shared ? 1 : 2);
}

// Explicit holders and earlier waiters that keep such a claim waiting (rules 1 and 3).
std::span<const Lane> in_front(Kind kind, bool shared) {
  static constexpr Lane of_shared[] = {Lane::held_exclusive, Lane::waiting_exclusive,
                                       Lane::waiting_commit};
  static constexpr Lane of_exclusive[] = {Lane::held_exclusive, Lane::held_shared,
                                          Lane::waiting_exclusive, Lane::waiting_shared,
                                          Lane::waiting_commit};
  static constexpr Lane of_commit[] = {Lane::held_exclusive, Lane::held_shared, Lane::next_up};
  if (kind == Kind::commit) return of_commit;
  if (shared) return of_shared;
  return of_exclusive;
}

}  // namespace

bool LockTable::submit(Request request) {
  assert(request.id != 0 && (entries_.empty() || entries_.rbegin()->first < request.id));
  const InTheWay in_the_way = weigh(request.kind, request.claims, request.id);
  const auto place = entries_.emplace_hint(entries_.end(), request.id, Entry{});
  Entry& entry = place->second;
  entry.kind = request.kind;
  entry.claims = std::move(request.claims);
  entry.held = in_the_way.id == 0;
  index(request.id, entry, entry.held, true);
  if (!entry.held) watch(request.id, entry, in_the_way);
  return entry.held;
}

std::vector<Id> LockTable::remove(Id id) {
  const auto gone = entries_.find(id);
  if (gone == entries_.end()) return {};
  const Entry removed = std::move(gone->second);
  entries_.erase(gone);
  index(id, removed, removed.held, false);
  if (removed.watches != 0) entries_.at(removed.watches).watchers.erase(id);

  // In order of arrival: each is weighed when all before it have their place.
  std::vector<Id> granted;
  std::set<Id> to_weigh = removed.watchers;
  for (const Id watcher : removed.watchers) entries_.at(watcher).watches = 0;
  while (!to_weigh.empty()) {
    const Id next = *to_weigh.begin();
    to_weigh.erase(to_weigh.begin());
    Entry& entry = entries_.at(next);
    const InTheWay in_the_way = weigh(entry.kind, entry.claims, next);
    if (in_the_way.id != 0) {
      watch(next, entry, in_the_way);
      continue;
    }
    index(next, entry, true, true);
    index(next, entry, false, false);
    entry.held = true;
    entry.next_up = false;
    granted.push_back(next);
    if (entry.kind != Kind::commit) continue;
    // A commit that is under way no longer keeps a waiter from being next up.
    for (const Id watcher : entry.watchers) entries_.at(watcher).watches = 0;
    to_weigh.merge(entry.watchers);
    entry.watchers.clear();
  }
  return granted;
}

// What keeps this request waiting; of waiters only those before `id` count.
LockTable::InTheWay LockTable::weigh(Kind kind, const std::vector<LockClaim>& claims, Id id) const {
  ++weighed_;
  InTheWay found;
  for (const LockClaim& claim : claims)
    found.id = std::max(found.id,
                        index_.touching(claim.path, claim.tree, in_front(kind, claim.shared), id));
  if (found.id != 0 || kind == Kind::commit) return found;
  for (const LockClaim& claim : claims)
    found.id = std::max(found.id, index_.touching(claim.path, claim.tree, commits_under_way, id));
  found.only_commits = found.id != 0;
  return found;
}

void LockTable::watch(Id id, Entry& entry, const InTheWay& in_the_way) {
  entry.watches = in_the_way.id;
  entries_.at(in_the_way.id).watchers.insert(id);
  if (!in_the_way.only_commits || entry.next_up) return;
  entry.next_up = true;
  for (const LockClaim& claim : entry.claims)
    index_.insert(claim.path, claim.tree, Lane::next_up, id);
}

// Puts the entry's claims into the index or takes them out, as held or as waiting.
void LockTable::index(Id id, const Entry& entry, bool held, bool in) {
  for (const LockClaim& claim : entry.claims) {
    const Lane lane = lane_of(entry.kind, claim.shared, held);
    if (in) {
      index_.insert(claim.path, claim.tree, lane, id);
    } else {
      index_.erase(claim.path, claim.tree, lane, id);
      if (entry.next_up) index_.erase(claim.path, claim.tree, Lane::next_up, id);
    }
  }
}

std::optional<Blocker> LockTable::blocker(Kind kind, const std::vector<LockClaim>& claims) const {
  return name_blocker(kind, claims, end_of_queue);
}

std::optional<Blocker> LockTable::blocker_of(Id id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.held) return std::nullopt;
  return name_blocker(found->second.kind, found->second.claims, id);
}

std::optional<Blocker> LockTable::name_blocker(Kind kind, const std::vector<LockClaim>& claims,
                                               Id id) const {
  ++weighed_;
  for (const LockClaim& claim : claims)
    if (const Id holder =
            index_.touching(claim.path, claim.tree, conflicting_holders(kind, claim.shared), id))
      return Blocker{holder, claim.path, false};
  for (const LockClaim& claim : claims)
    if (const Id waiter = index_.touching(claim.path, claim.tree, in_front(kind, claim.shared), id))
      return Blocker{waiter, claim.path, false};
  if (kind == Kind::commit) return std::nullopt;
  for (const LockClaim& claim : claims)
    if (const Id commit = index_.touching(claim.path, claim.tree, commits_under_way, id))
      return Blocker{commit, claim.path, true};
  return std::nullopt;
}

bool LockTable::covers(Id id, std::string_view path, bool tree) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.held) return false;
  if (found->second.kind != Kind::explicit_lock) return false;
  return std::any_of(
      found->second.claims.begin(), found->second.claims.end(), [&](const LockClaim& claim) {
        if (claim.shared) return false;
        return claim.tree ? protocol::is_within(path, claim.path) : !tree && claim.path == path;
      });
}

bool LockTable::holds(Id id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.held;
}

const std::vector<LockClaim>* LockTable::claims(Id id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.claims;
}

std::vector<Id> LockTable::list(std::string_view path, Id after, std::size_t limit) const {
  if (!path.empty()) return index_.list(path, after, limit);
  std::vector<Id> ids;
  for (auto entry = entries_.upper_bound(after); entry != entries_.end() && ids.size() < limit;
       ++entry)
    if (entry->second.kind != Kind::commit || !entry->second.held) ids.push_back(entry->first);
  return ids;
}

}  // namespace sluice::broker::locks
