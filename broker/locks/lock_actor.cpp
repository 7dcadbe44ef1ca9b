// The lock actor's switch, the notes of the broker, and time. Read on: lock_actor.hpp,
// lock_requests.cpp.
#include "broker/locks/lock_actor.hpp"

#include <algorithm>

#include "broker/pause.hpp"

namespace sluice::broker::locks {

using protocol::Code;
using protocol::Type;
using runtime::Port;

namespace {

constexpr Time send_again_after{10};

// Where messages of a type may come from; what comes through another door is not obeyed.
Port door_of(Type type) {
  switch (type) {
    case Type::join_locks:
    case Type::worker_heartbeat:
    case Type::commit:
      return Port::workers;
    case Type::published:
    case Type::reserve_numbers_reply:
    case Type::sync_locks_reply:
    case Type::checkpoint_reply:
    case Type::error:
      return Port::publisher;
    default:
      return Port::broker;
  }
}

}  // namespace

LockActor::LockActor(const LockConfig& config, storage::JournalFiles& journal,
                     const JournalEnd& end, runtime::Secrets& secrets)
    : epoch_(config.epoch),
      secrets_(secrets),
      grace_(config.lease_ms),
      leases_(config.lease_ms),
      numbers_(config.first_number, config.reserved_up_to),
      watches_(config.first_number - 1),
      journal_(journal, end,
               [this](std::uint64_t number) { return held_after(number, last_call_); }),
      durability_(config.durability),
      wall_ms_at_zero_(config.wall_ms_at_zero) {}

void LockActor::on_message(Message&& message, Time now, Outbox& outbox) {
  const Type type = message.header.type;
  if (message.peer.port != door_of(type)) {
    // An error is never answered with an error.
    if (type != Type::error && message.peer.port != Port::publisher)
      outbox.send(runtime::make_error(message, {Code::unknown_type, {}, {}}));
    return;
  }
  notice_pause(now);
  // What a client itself asked for is a sign that its session lives.
  if (protocol::is_lock_request(type)) leases_.alive(message.stamp.session, now, {}, 0);
  switch (type) {
    // clients, through the broker
    case Type::acquire_lock:
      on_acquire_lock(std::move(message), now, outbox);
      break;
    case Type::cancel:
      on_cancel(message, now, outbox);
      break;
    case Type::release_lock:
      on_release_lock(message, now, outbox);
      break;
    case Type::renew_lock:
      on_renew_lock(message, now, outbox);
      break;
    case Type::list_locks:
      on_list_locks(message, now, outbox);
      break;
    case Type::convert_lock:
      on_convert_lock(message, now, outbox);
      break;
    case Type::break_lock:
      on_break_lock(message, now, outbox);
      break;
    case Type::watch:
      on_watch(message, now, outbox);
      break;
    // the broker
    case Type::session_alive:
      on_session_alive(message, now);
      break;
    case Type::session_ended:
      on_session_ended(message, now, outbox);
      break;
    case Type::worker_known:
      on_worker_known(message);
      break;
    case Type::worker_gone:
      on_worker_gone(message, now, outbox);
      break;
    case Type::checkpoint:
      message.peer = {Port::publisher, {}};
      outbox.send(std::move(message));
      break;
    // workers
    case Type::join_locks:
      on_join_locks(message, now, outbox);
      break;
    case Type::worker_heartbeat:
      on_worker_heartbeat(message, outbox);
      break;
    case Type::commit:
      on_commit(std::move(message), now, outbox);
      break;
    // the publisher; an error answers whichever of the two was asked
    case Type::published:
      on_published(std::move(message), now, outbox);
      break;
    case Type::reserve_numbers_reply:
      on_reserve_numbers_reply(message, now);
      break;
    case Type::sync_locks_reply:
      on_sync_locks_reply(message, now, outbox);
      break;
    case Type::checkpoint_reply:
      message.peer = {Port::broker, {}};
      outbox.send(std::move(message));
      break;
    case Type::error:
      if (message.stamp.job == 0)
        on_reserve_numbers_reply(message, now);
      else
        on_published(std::move(message), now, outbox);
      break;
    default:
      outbox.send(runtime::make_error(message, {Code::unknown_type, {}, {}}));
  }
  answer_watches(outbox);
  ask_for_numbers(now, outbox);
}

void LockActor::on_session_alive(const Message& message, Time now) {
  const auto note = protocol::decode<protocol::SessionAlive>(message.body);
  if (note) leases_.alive(message.stamp.session, now, note->name, note->lease_ms);
}

void LockActor::on_session_ended(const Message& message, Time now, Outbox& outbox) {
  const auto note = protocol::decode<protocol::SessionEnded>(message.body);
  if (!note) return;
  const std::uint64_t session = message.stamp.session;
  leases_.end(session);
  stop_waiters_of(session, "the session has ended", now, outbox);
  const auto found = of_session_.find(session);
  if (!note->bye || found == of_session_.end()) return;
  for (const Id id : std::set<Id>(found->second.locks)) end_lock(id, Ending::released, now, outbox);
}

void LockActor::on_worker_known(const Message& message) {
  const auto note = protocol::decode<protocol::WorkerKnown>(message.body);
  if (note) known_workers_.insert(note->worker);
}

void LockActor::on_worker_gone(const Message& message, Time now, Outbox& outbox) {
  const auto note = protocol::decode<protocol::WorkerGone>(message.body);
  if (note) drop_worker(note->worker, now, outbox);
}

// What waits for this worker goes: the broker gives the job again. What is at the publisher goes
// on, and the publisher keeps its outcome.
void LockActor::drop_worker(std::uint64_t worker, Time now, Outbox& outbox) {
  known_workers_.erase(worker);
  std::erase_if(joined_, [&](const auto& joined) { return joined.second == worker; });
  std::vector<Id> gone;
  for (const auto& [handle, commit] : commits_)
    if (commit.worker == worker && commit.stage != Stage::publishing) gone.push_back(handle);
  for (const Id handle : gone) {
    // One that was dropped may have made way for another of them.
    const auto found = commits_.find(handle);
    if (found != commits_.end() && found->second.stage != Stage::publishing)
      drop_commit(handle, now, outbox);
  }
}

// See pause.hpp.
void LockActor::notice_pause(Time now) {
  const Time due = std::max(next_tick(), last_call_);
  if (due != never && now - due > pause_noticed) leases_.forgive(now + grace_);
  last_call_ = now;
}

void LockActor::on_tick(Time now, Outbox& outbox) {
  notice_pause(now);
  const Leases::Due due = leases_.take_due(now);
  // The dead first, so that none of them is granted; waiters last, so that a grant wins over a time
  // limit.
  for (const std::uint64_t session : due.sessions)
    stop_waiters_of(session, "the session fell silent", now, outbox);
  for (const Id id : due.locks) end_lock(id, Ending::expired, now, outbox);
  for (const Id id : due.waiters) {
    if (end_watch_in_time(id, outbox)) continue;
    const auto blocker = table_.blocker_of(id);
    if (!blocker) continue;
    if (const auto lock = locks_.find(id); lock != locks_.end()) {
      const Code code = lock->second.no_wait ? Code::locked : Code::wait_timeout;
      refuse_lock(id, in_the_way(code, *blocker, now), now, outbox);
    } else if (conversions_.contains(id)) {
      refuse_conversion(id, in_the_way(Code::wait_timeout, *blocker, now), now, outbox);
    } else {
      refuse_commit(id, in_the_way(Code::wait_timeout, *blocker, now), now, outbox);
    }
  }
  if (send_again_ <= now) {
    send_again_ = never;
    for (Message& message : std::exchange(undelivered_, {})) outbox.send(std::move(message));
  }
  if (guard_until_ <= now) {
    guard_until_ = never;
    settle(table_.remove(std::exchange(guard_, 0)), now, outbox);
  }
  ask_for_numbers(now, outbox);
  write_journal(now, outbox);
  answer_watches(outbox);
}

Time LockActor::next_tick() const {
  const Time beat = leases_.next() == never ? never : last_call_ + look_every;
  return std::min({leases_.next(), numbers_.next_ask(), send_again_, guard_until_, beat});
}

void LockActor::on_undelivered(Message&& message, runtime::Undelivered why, Time now, Outbox&) {
  // Who is gone has nothing to hear; the broker gives its jobs to another.
  if (why == runtime::Undelivered::gone || undelivered_.size() >= protocol::limits::jobs) return;
  undelivered_.push_back(std::move(message));
  if (send_again_ == never) send_again_ = now + send_again_after;
}

void LockActor::stop_waiters_of(std::uint64_t session, std::string_view why, Time now,
                                Outbox& outbox) {
  const protocol::Error cancelled{Code::cancelled, {}, std::string(why)};
  cancel_watches({session, 0}, {session, UINT64_MAX}, cancelled, outbox);
  if (const auto found = of_session_.find(session); found != of_session_.end())
    for (const Id id : std::set<Id>(found->second.locks))
      if (const auto lock = locks_.find(id); lock != locks_.end() && lock->second.token.number == 0)
        refuse_lock(id, cancelled, now, outbox);
  std::vector<Id> conversions;
  for (auto request = conversion_requests_.lower_bound({session, 0});
       request != conversion_requests_.end() && request->first.first == session; ++request)
    conversions.push_back(request->second);
  for (const Id id : conversions)
    if (conversions_.contains(id)) refuse_conversion(id, cancelled, now, outbox);
  std::vector<Id> handles;
  for (auto request = commit_requests_.lower_bound({session, 0});
       request != commit_requests_.end() && request->first.first == session; ++request)
    handles.push_back(request->second);
  for (const Id handle : handles) {
    const auto found = commits_.find(handle);
    if (found == commits_.end()) continue;
    if (found->second.stage == Stage::asking) found->second.cancelled = true;
    if (found->second.stage == Stage::waiting) refuse_commit(handle, cancelled, now, outbox);
  }
}

// Takes what the table has granted to its end: locks are answered, commits go to the publisher, and
// who may not have it any more makes way for the next. Never nested, however long that chain is.
void LockActor::settle(std::vector<Id> granted, Time now, Outbox& outbox) {
  granted_.insert(granted_.end(), granted.begin(), granted.end());
  if (settling_) return;
  settling_ = true;
  while (!granted_.empty()) {
    const Id id = granted_.front();
    granted_.pop_front();
    stop_waiting(id);
    if (conversions_.contains(id)) {
      finish_conversion(id, now, outbox);
      continue;
    }
    const auto lock = locks_.find(id);
    const std::uint64_t session =
        lock != locks_.end() ? lock->second.key.first : commits_.at(id).key.first;
    protocol::Error refusal;
    // A session that only changes files may be unknown here; the broker cancels what it let wait.
    const bool is_lock = lock != locks_.end();
    if (is_lock ? !leases_.lives(session, now) : leases_.is_dead(session, now))
      refusal = {Code::cancelled, {}, "the session has ended"};
    else if (numbers_.empty())
      refusal = {Code::overloaded, {}, "no numbers are left until the log has reserved more"};
    if (is_lock)
      refusal.code == Code{} ? grant(id, now) : refuse_lock(id, refusal, now, outbox);
    else
      refusal.code == Code{} ? publish(id, outbox) : refuse_commit(id, refusal, now, outbox);
  }
  settling_ = false;
}

void LockActor::on_reserve_numbers_reply(const Message& message, Time now) {
  std::uint64_t up_to = 0;
  if (message.header.type != Type::error)
    if (const auto reply = protocol::decode<protocol::ReserveNumbersReply>(message.body))
      up_to = reply->up_to;
  numbers_.answered(up_to, now);
  tell_what_was_missed();
}

void LockActor::ask_for_numbers(Time now, Outbox& outbox) {
  if (const auto up_to = numbers_.ask(now))
    outbox.send(runtime::make_message({Port::publisher, {}}, protocol::ReserveNumbers{*up_to}));
}

// All but its type.
LockActor::Message LockActor::answer_to(const Asker& asker, std::string&& body) {
  Message message;
  message.peer = asker.peer;
  message.header.request_id = asker.header.request_id;
  message.header.attempt = asker.header.attempt;
  message.stamp = asker.stamp;
  message.body = std::move(body);
  return message;
}

LockActor::Asker LockActor::asker_of(const Message& message) {
  return {message.peer, message.header, message.stamp};
}

}  // namespace sluice::broker::locks
