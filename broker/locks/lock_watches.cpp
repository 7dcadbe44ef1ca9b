// Watches: requests of clients for events, and where the events come from. Every grant, release,
// conversion and commit is told to the WatchLog with its number, a grant when it is answered;
// whoever waits for it is answered at the end of the call. Read on: watch_log.hpp for the order,
// lock_actor.hpp.
#include <algorithm>

#include "broker/locks/lock_actor.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using protocol::EventKind;
using protocol::Type;
using protocol::WatchEvent;
namespace limits = protocol::limits;

// --- requests ---

void LockActor::on_watch(const Message& message, Time now, Outbox& outbox) {
  auto refuse = [&](const protocol::Error& error) {
    outbox.send(runtime::make_error(message, error));
  };
  const auto request = protocol::decode<protocol::Watch>(message.body);
  if (!request) return refuse(request.error());
  if (const auto good = protocol::check_path(request->path); !good) return refuse(good.error());
  const RequestKey key{message.stamp.session, message.header.request_id};
  // A repeat takes the place of the one before, whose answer nobody waits for.
  if (const auto before = watch_requests_.find(key); before != watch_requests_.end())
    drop_watch(before->second);
  const WatchLog::Question question{request->path, request->recursive,
                                    request->after.value_or(watches_.now())};
  const auto known = watches_.read(question);
  if (!request->after || request->wait_ms == 0 || watches_.is_worth_telling(known))
    return outbox.send(runtime::make_reply(message, known));
  if (watches_.parked() >= limits::watchers)
    return refuse({Code::overloaded, request->path, "too many watch already"});
  const Id id = ++last_id_;
  watch_requests_[key] = id;
  watchers_[id] = {key, asker_of(message)};
  watches_.park(id, question);
  leases_.wait_until(id, now + Time{std::min(request->wait_ms, limits::wait_max_ms)});
}

void LockActor::answer_watches(Outbox& outbox) {
  for (const auto& [id, answer] : watches_.take_answers()) answer_watch(id, answer, outbox);
}

void LockActor::answer_watch(Id id, const protocol::WatchReply& answer, Outbox& outbox) {
  reply(watchers_.at(id).asker, answer, outbox);
  drop_watch(id);
}

// False: it is no watch. One that has something to hear is answered with that.
bool LockActor::end_watch_in_time(Id id, Outbox& outbox) {
  if (!watchers_.contains(id)) return false;
  if (!watches_.is_woken(id)) answer_watch(id, watches_.nothing(id), outbox);
  return true;
}

// Those of the requests from `first` to `last`.
void LockActor::cancel_watches(const RequestKey& first, const RequestKey& last,
                               const protocol::Error& error, Outbox& outbox) {
  std::vector<Id> ids;
  for (auto request = watch_requests_.lower_bound(first);
       request != watch_requests_.end() && request->first <= last; ++request)
    ids.push_back(request->second);
  for (const Id id : ids) {
    reply(watchers_.at(id).asker, protocol::ErrorReply{error.code, error.path, error.detail},
          outbox);
    drop_watch(id);
  }
}

void LockActor::drop_watch(Id id) {
  const auto found = watchers_.find(id);
  watch_requests_.erase(found->second.key);
  watchers_.erase(found);
  watches_.unpark(id);
  leases_.stop_waiting(id);
}

// --- events ---

std::vector<WatchEvent> LockActor::lock_events(Id id, EventKind kind) const {
  const Lock& lock = locks_.at(id);
  std::vector<WatchEvent> events;
  const auto& claims = *table_.claims(id);
  events.reserve(claims.size());
  for (const auto& claim : claims) {
    WatchEvent& event = events.emplace_back();
    event.kind = kind;
    event.path = claim.path;
    event.number = lock.token.number;
    event.holder = lock.holder;
    event.tree = claim.tree;
    event.shared = claim.shared;
  }
  return events;
}

void LockActor::tell_locked(Id id) {
  Lock& lock = locks_.at(id);
  lock.holder = name_of(lock);
  watches_.tell(lock.token.number, lock_events(id, EventKind::lock));
}

// Of one whose grant was never answered nobody has heard, and nobody will.
void LockActor::tell_unlocked(Id id) {
  const Lock& lock = locks_.at(id);
  if (!lock.answered) return watches_.tell(lock.token.number, {});
  const Ending ending = lock.ending;
  auto events = lock_events(id, EventKind::unlock);
  for (WatchEvent& event : events)
    event.detail = ending == Ending::expired  ? "expired"
                   : ending == Ending::broken ? "broken"
                                              : "released";
  tell_unnumbered(std::move(events));
}

void LockActor::tell_converted(Id id) {
  tell_unnumbered(lock_events(id, EventKind::convert));
}

// What has no number of its own draws one, so that it has its place in the order.
void LockActor::tell_unnumbered(std::vector<WatchEvent>&& events) {
  if (numbers_.empty())
    events_missed_ = true;
  else
    watches_.tell(numbers_.draw(), std::move(events));
}

void LockActor::tell_what_was_missed() {
  if (!events_missed_ || numbers_.empty()) return;
  events_missed_ = false;
  watches_.lose(numbers_.draw());
}

// A refused commit is no event, and neither is a remembered outcome, which was told long ago.
void LockActor::tell_commit(const PendingCommit& commit, const Message& published) {
  std::vector<WatchEvent> events;
  const auto outcome = protocol::decode<protocol::Published>(published.body);
  if (published.header.type == Type::published && outcome && outcome->code == 0 &&
      !outcome->remembered) {
    const auto kind = static_cast<EventKind>(commit.commit.kind);
    auto add = [&](const std::string& path) {
      WatchEvent& event = events.emplace_back();
      event.kind = kind;
      event.path = path;
    };
    if (kind == EventKind::make_directory) {
      for (const std::string& path : outcome->made) add(path);
    } else if (kind != EventKind::rename) {
      add(commit.claims.front().path);
    } else if (commit.claims.front().path != commit.claims.back().path) {
      add(commit.claims.front().path);
      events.back().to_path = commit.claims.back().path;
    }
  }
  watches_.tell(commit.number, std::move(events));
}

}  // namespace sluice::broker::locks
