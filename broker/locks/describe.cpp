// What the lock actor tells people: entries of lists, and sentences about who is in the way.
#include <fmt/format.h>

#include <algorithm>

#include "broker/locks/lock_actor.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::locks {
namespace {

std::uint64_t ms_between(Time from, Time to) {
  return to == never || to < from ? 0 : static_cast<std::uint64_t>((to - from).count());
}

}  // namespace

std::string LockActor::name_of(const Lock& lock) const {
  return lock.owner.empty() ? leases_.name(lock.key.first) : lock.owner;
}

std::string LockActor::describe(Id blocker, Time now) const {
  if (blocker == guard_)
    return fmt::format(
        "the server waits {} more for those whose locks may have been lost with its power",
        protocol::time_text((ms_between(now, guard_until_) + 999) / 1000));
  if (const auto found = locks_.find(blocker); found != locks_.end()) {
    const Lock& lock = found->second;
    const std::string name = name_of(lock);
    const std::uint64_t age_ms = ms_between(lock.since, now);
    if (lock.token.number == 0)
      return fmt::format("{} has waited for it for {} and comes first", name,
                         protocol::time_text(age_ms / 1000));
    if (lock.end_awaits_disk)
      return fmt::format("{} has lost it or given it back, which is on its way to the disk", name);
    if (lock.ending != Ending::no)
      return fmt::format("held by {} until a change made under the lock is done", name);
    return protocol::held_text(name, age_ms, ms_between(now, leases_.ends(blocker)));
  }
  if (const auto found = conversions_.find(blocker); found != conversions_.end())
    return name_of(locks_.at(found->second.lock)) + " holds it and waits to have it alone";
  if (const auto found = commits_.find(blocker); found != commits_.end()) {
    const std::string name = leases_.name(found->second.key.first);
    if (found->second.stage == Stage::publishing)
      return fmt::format("a change of {} is under way", name);
    return fmt::format("a change of {} waits for it and comes first", name);
  }
  return {};
}

protocol::Error LockActor::in_the_way(protocol::Code code, const Blocker& blocker, Time now) const {
  return {code, blocker.path, describe(blocker.id, now) + where_if_elsewhere(blocker)};
}

// Ends the sentence with the path that is held, where the error's own path does not say it.
std::string LockActor::where_if_elsewhere(const Blocker& blocker) const {
  const auto* claims = table_.claims(blocker.id);
  if (!claims || !locks_.contains(blocker.id) || !table_.holds(blocker.id)) return {};
  const auto touches = [&](const protocol::LockClaim& claim) {
    return protocol::is_within(claim.path, blocker.path) ||
           (claim.tree && protocol::is_within(blocker.path, claim.path));
  };
  const auto equal = [&](const protocol::LockClaim& claim) { return claim.path == blocker.path; };
  if (!blocker.path.empty() && std::any_of(claims->begin(), claims->end(), equal)) return {};
  const auto met = std::find_if(claims->begin(), claims->end(), touches);
  if (met == claims->end()) return {};
  return "; its lock is on " + (met->path.empty() ? "the root" : '"' + met->path + '"');
}

protocol::LockEntry LockActor::entry(Id id, Time now) const {
  protocol::LockEntry entry;
  entry.order = id;
  if (const auto* claims = table_.claims(id)) entry.claims = *claims;
  Time end = leases_.deadline(id);
  if (const auto found = locks_.find(id); found != locks_.end()) {
    const Lock& lock = found->second;
    entry.number = lock.token.number;
    entry.holder = name_of(lock);
    if (lock.conversion != 0) entry.holder += " (waits to have it alone)";
    if (lock.ending != Ending::no) entry.holder += " (ending)";
    entry.age_ms = ms_between(lock.since, now);
    if (lock.token.number != 0) end = leases_.ends(id);
  } else if (const auto commit = commits_.find(id); commit != commits_.end()) {
    entry.holder = leases_.name(commit->second.key.first) + " (a change)";
    entry.age_ms = ms_between(commit->second.since, now);
  } else if (id == guard_) {
    entry.holder = "(the server)";
    end = guard_until_;
  }
  entry.left_ms = ms_between(now, end);
  return entry;
}

void LockActor::on_list_locks(const Message& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::ListLocks>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  if (const auto good = protocol::check_path(request->path); !good)
    return outbox.send(runtime::make_error(message, good.error()));
  // A page ends early when its claims get long: it must fit into one message.
  protocol::ListLocksReply page;
  std::size_t bytes = 0;
  const auto listed =
      table_.list(request->path, request->after, list_page, protocol::limits::lock_scan);
  page.next_after = listed.next_after;
  for (const Id id : listed.ids) {
    auto next = entry(id, now);
    std::size_t entry_bytes = next.holder.size() + 64;
    for (const auto& claim : next.claims) entry_bytes += claim.path.size() + 32;
    const bool full = bytes + entry_bytes > protocol::limits::body_bytes / 2;
    if (full && !page.locks.empty()) {
      page.next_after = page.locks.back().order;
      break;
    }
    bytes += entry_bytes;
    page.locks.push_back(std::move(next));
  }
  outbox.send(runtime::make_reply(message, page));
}

}  // namespace sluice::broker::locks
