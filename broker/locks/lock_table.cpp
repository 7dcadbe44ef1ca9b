// The lock table: see lock_table.hpp for the rules.
#include "broker/locks/lock_table.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <span>
#include <utility>

#include "protocol/path.hpp"

namespace sluice::broker::locks {
namespace {

using protocol::LockClaim;

constexpr Id end_of_queue = std::numeric_limits<Id>::max();

Lane lane_of(Kind kind, bool shared, bool held) {
  if (kind == Kind::commit) return held ? Lane::held_commit : Lane::waiting_commit;
  if (kind == Kind::upgrade) return Lane::waiting_upgrade;
  if (shared) return held ? Lane::held_shared : Lane::waiting_shared;
  return held ? Lane::held_exclusive : Lane::waiting_exclusive;
}

constexpr Lane commits_under_way[] = {Lane::held_commit};

// All that can be in the way of an explicit lock.
std::span<const Lane> in_the_way_of(bool shared) {
  static constexpr Lane of_shared[] = {Lane::held_exclusive, Lane::held_commit,
                                       Lane::waiting_exclusive, Lane::waiting_commit,
                                       Lane::waiting_upgrade};
  static constexpr Lane of_exclusive[] = {
      Lane::held_shared,       Lane::held_exclusive, Lane::held_commit,    Lane::waiting_shared,
      Lane::waiting_exclusive, Lane::waiting_commit, Lane::waiting_upgrade};
  if (shared) return of_shared;
  return of_exclusive;
}

// Explicit holders that conflict with such a claim.
std::span<const Lane> conflicting_holders(Kind kind, bool shared) {
  static constexpr Lane all[] = {Lane::held_exclusive, Lane::held_shared};
  return std::span(all).first(kind == Kind::explicit_lock && shared ? 1 : 2);
}

// Explicit holders and earlier waiters that keep such a claim waiting (rules 1 and 3).
std::span<const Lane> in_front(Kind kind, bool shared) {
  static constexpr Lane of_shared[] = {Lane::held_exclusive, Lane::waiting_exclusive,
                                       Lane::waiting_commit, Lane::waiting_upgrade};
  static constexpr Lane of_exclusive[] = {Lane::held_exclusive,    Lane::held_shared,
                                          Lane::waiting_exclusive, Lane::waiting_shared,
                                          Lane::waiting_commit,    Lane::waiting_upgrade};
  static constexpr Lane of_commit[] = {Lane::held_exclusive, Lane::held_shared, Lane::next_up};
  // What an upgrade has to do with others is the same.
  if (kind != Kind::explicit_lock) return of_commit;
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

void LockTable::hold(Request request) {
  assert(request.id != 0 && (entries_.empty() || entries_.rbegin()->first < request.id));
  Entry& entry = entries_.emplace_hint(entries_.end(), request.id, Entry{})->second;
  entry.kind = request.kind;
  entry.claims = std::move(request.claims);
  entry.held = true;
  index(request.id, entry, true, true);
}

std::vector<Id> LockTable::remove(Id id) {
  const auto gone = entries_.find(id);
  if (gone == entries_.end()) return {};
  Entry removed = std::move(gone->second);
  entries_.erase(gone);
  if (removed.watches != 0) {
    auto& watchers = entries_.at(removed.watches).watchers;
    watchers->erase(id);
    if (watchers->empty()) watchers.reset();
  }
  if (removed.kind == Kind::upgrade) {
    Entry& holder = entries_.at(removed.conversion);
    index_upgrade(id, holder, false);
    holder.conversion = 0;
    return weigh_all(take_watchers(removed));
  }
  assert(removed.conversion == 0);
  index(id, removed, removed.held, false);
  return weigh_all(take_watchers(removed));
}

bool LockTable::upgrade(Id id, Id holder) {
  assert(id != 0 && entries_.rbegin()->first < id && !meets_conversion(holder));
  Entry& held = entries_.at(holder);
  assert(held.held && held.kind == Kind::explicit_lock && held.conversion == 0);
  const Id in_the_way = weigh_upgrade(holder);
  if (in_the_way == 0) {
    convert(holder, held, false);
    return true;
  }
  held.conversion = id;
  Entry& entry = entries_.emplace_hint(entries_.end(), id, Entry{})->second;
  entry.kind = Kind::upgrade;
  entry.conversion = holder;
  index_upgrade(id, held, true);
  watch(id, entry, {in_the_way, false});
  return false;
}

std::optional<Id> LockTable::meets_conversion(Id holder) const {
  static constexpr Lane converting[] = {Lane::waiting_upgrade};
  for (const LockClaim& claim : entries_.at(holder).claims)
    if (const Id other = index_.touching(claim.path, claim.tree, converting, end_of_queue))
      return other;
  return std::nullopt;
}

std::vector<Id> LockTable::downgrade(Id holder) {
  Entry& entry = entries_.at(holder);
  assert(entry.held && entry.conversion == 0);
  convert(holder, entry, true);
  return weigh_all(take_watchers(entry));
}

// Makes all claims of a holder shared or exclusive.
void LockTable::convert(Id holder, Entry& entry, bool shared) {
  index(holder, entry, true, false);
  for (LockClaim& claim : entry.claims) claim.shared = shared;
  index(holder, entry, true, true);
}

// It has what it waited for.
void LockTable::take_place(Id id, Entry& entry) {
  if (entry.kind == Kind::upgrade) {
    const Id holder = entry.conversion;
    Entry& held = entries_.at(holder);
    index_upgrade(id, held, false);
    held.conversion = 0;
    convert(holder, held, false);
    entries_.erase(id);
    return;
  }
  index(id, entry, true, true);
  index(id, entry, false, false);
  entry.held = true;
  entry.next_up = false;
}

std::set<Id> LockTable::take_watchers(Entry& entry) {
  if (!entry.watchers) return {};
  for (const Id watcher : *entry.watchers) entries_.at(watcher).watches = 0;
  return std::move(*std::exchange(entry.watchers, nullptr));
}

// Weighs waiters again, in order of arrival: each when all before it have their place.
std::vector<Id> LockTable::weigh_all(std::set<Id> to_weigh) {
  std::vector<Id> granted;
  while (!to_weigh.empty()) {
    const Id next = *to_weigh.begin();
    to_weigh.erase(to_weigh.begin());
    Entry& entry = entries_.at(next);
    const InTheWay in_the_way = weigh(next, entry);
    if (in_the_way.id != 0) {
      watch(next, entry, in_the_way);
      continue;
    }
    granted.push_back(next);
    // A commit that is under way no longer keeps a waiter from being next up. Who waited for an
    // upgrade waits for its holder now.
    if (entry.kind != Kind::explicit_lock) to_weigh.merge(take_watchers(entry));
    take_place(next, entry);
  }
  return granted;
}

LockTable::InTheWay LockTable::weigh(Id id, const Entry& entry) const {
  if (entry.kind == Kind::upgrade) return {weigh_upgrade(entry.conversion), false};
  return weigh(entry.kind, entry.claims, id);
}

Id LockTable::weigh_upgrade(Id holder) const {
  const auto blocker = upgrade_blocker(holder);
  return blocker ? blocker->id : 0;
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
  auto& watchers = entries_.at(in_the_way.id).watchers;
  if (!watchers) watchers = std::make_unique<std::set<Id>>();
  watchers->insert(id);
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

void LockTable::index_upgrade(Id id, const Entry& holder, bool in) {
  for (const LockClaim& claim : holder.claims)
    if (in)
      index_.insert(claim.path, claim.tree, Lane::waiting_upgrade, id);
    else
      index_.erase(claim.path, claim.tree, Lane::waiting_upgrade, id);
}

std::optional<Blocker> LockTable::blocker(Kind kind, const std::vector<LockClaim>& claims) const {
  return name_blocker(kind, claims, end_of_queue);
}

std::optional<Blocker> LockTable::blocker_of(Id id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.held) return std::nullopt;
  if (found->second.kind == Kind::upgrade) return upgrade_blocker(found->second.conversion);
  return name_blocker(found->second.kind, found->second.claims, id);
}

std::optional<Blocker> LockTable::upgrade_blocker(Id holder) const {
  ++weighed_;
  const auto lanes = in_front(Kind::upgrade, false);
  for (const LockClaim& claim : entries_.at(holder).claims) {
    Id other = 0;
    std::size_t steps = std::numeric_limits<std::size_t>::max();
    index_.each_touching(claim.path, claim.tree, lanes, 0, end_of_queue, steps, [&](Id id) {
      other = id == holder ? 0 : id;
      return other == 0;
    });
    if (other != 0) return Blocker{other, claim.path, false};
  }
  return std::nullopt;
}

// An upgrade is about its holder's claims.
const std::vector<LockClaim>& LockTable::claims_of(const Entry& entry) const {
  return entry.kind == Kind::upgrade ? entries_.at(entry.conversion).claims : entry.claims;
}

void LockTable::each_in_front_of(Id id, Seen& seen, const std::function<bool(Id)>& take) const {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.held) return;
  const Entry& entry = found->second;
  bool more = true;
  const auto take_other = [&](Id other) { return more = other == entry.conversion || take(other); };
  for (const LockClaim& claim : claims_of(entry)) {
    Id from = 0;
    // An upgrade leaves out its own holder, and so is no measure for others.
    if (entry.kind != Kind::upgrade) {
      Id& up_to = seen.up_to[{claim.path, claim.tree, entry.kind == Kind::commit, claim.shared}];
      if (up_to >= id) continue;
      from = std::exchange(up_to, id);
    }
    const auto visit = [&](std::span<const Lane> lanes) {
      if (more)
        index_.each_touching(claim.path, claim.tree, lanes, from, id, seen.steps, take_other);
    };
    visit(in_front(entry.kind, claim.shared));
    if (entry.kind == Kind::explicit_lock) visit(commits_under_way);
    if (!more) return;
  }
}

std::string LockTable::where_they_meet(Id first, Id second) const {
  const auto one = entries_.find(first);
  const auto other = entries_.find(second);
  if (one == entries_.end() || other == entries_.end()) return {};
  for (const LockClaim& claim : claims_of(one->second))
    for (const LockClaim& against : claims_of(other->second))
      if (claim.path == against.path ||
          (claim.tree && protocol::is_within(against.path, claim.path)) ||
          (against.tree && protocol::is_within(claim.path, against.path)))
        return claim.path;
  return {};
}

std::optional<Blocker> LockTable::name_blocker(Kind kind, const std::vector<LockClaim>& claims,
                                               Id id) const {
  ++weighed_;
  // Mostly there is nobody.
  if (kind == Kind::explicit_lock &&
      std::none_of(claims.begin(), claims.end(), [&](const LockClaim& claim) {
        return index_.touching(claim.path, claim.tree, in_the_way_of(claim.shared), id) != 0;
      }))
    return std::nullopt;
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

bool LockTable::is_listed(const Entry& entry, std::string_view path) {
  if (entry.kind == Kind::upgrade || (entry.kind == Kind::commit && entry.held)) return false;
  return std::any_of(entry.claims.begin(), entry.claims.end(), [&](const LockClaim& claim) {
    return protocol::is_within(claim.path, path) ||
           (claim.tree && protocol::is_within(path, claim.path));
  });
}

// Where little is beneath the path, that is looked through. Else what is beneath it is a good part
// of all, which is there in the order that is wanted.
LockTable::Page LockTable::list(std::string_view path, Id after, std::size_t limit,
                                std::size_t scan) const {
  Page page;
  auto few = path.empty() ? std::nullopt : index_.list(path, after, limit + 1, scan);
  if (few) {
    page.ids = std::move(*few);
  } else {
    auto entry = entries_.upper_bound(after);
    for (; entry != entries_.end() && page.ids.size() <= limit && scan > 0; ++entry, --scan)
      if (is_listed(entry->second, path)) page.ids.push_back(entry->first);
    if (entry != entries_.end() && page.ids.size() <= limit)
      page.next_after = std::prev(entry)->first;
  }
  if (page.ids.size() > limit) {
    page.ids.pop_back();
    page.next_after = page.ids.back();
  }
  return page;
}

}  // namespace sluice::broker::locks
