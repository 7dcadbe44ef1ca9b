// See queue_checker.hpp.
#include "tests/sim/queue_checker.hpp"

#include <algorithm>

#include "protocol/messages/workers.hpp"

namespace sluice::sim {

using protocol::Type;
using runtime::Port;

// --- what it hears ---

void QueueChecker::hears(const Message& message) {
  if (message.peer.id == not_heard) return;
  switch (message.peer.port) {
    case Port::broker:
      hears_client(message);
      return hears_broker(message);
    case Port::workers:
      return hears_worker(message);
    case Port::publisher:
      // One that failed is the last: what waited for it to end stays in the way until a restart.
      if (const auto synced = protocol::decode<protocol::SyncLocksReply>(message.body);
          synced && message.header.type == Type::sync_locks_reply)
        syncing_ = !synced->ok;
      // Of the numbers that it reserves it says 0.
      if (const auto outcome = protocol::decode<protocol::Published>(message.body);
          !outcome || !outcome->may_come_about())
        under_way_.erase(message.stamp.number);
      return;
    default:
      return;
  }
}

std::uint64_t QueueChecker::token_in(const Message& message) const {
  // Release and renewal have the same body.
  const auto body = protocol::decode<protocol::ReleaseLock>(message.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  return token ? token->number : 0;
}

void QueueChecker::hears_client(const Message& message) {
  const Type type = message.header.type;
  if (!protocol::is_lock_request(type)) return;
  Session& session = sessions_[message.stamp.session];
  session.sign = world_.time();
  session.ended = false;
  const RequestKey key = key_of(message);
  if (type == Type::release_lock || type == Type::renew_lock) about_lock_[key] = token_in(message);
  if (type == Type::convert_lock) return hears_convert(message);
  if (type == Type::break_lock)
    if (const auto body = protocol::decode<protocol::BreakLock>(message.body))
      about_lock_[key] = body->number;
  if (type != Type::acquire_lock || waiting_.contains(key)) return;
  for (const auto& [number, held] : held_)
    if (held.key == key && ends(held) > world_.time()) return;
  if (const auto body = protocol::decode<protocol::AcquireLock>(message.body))
    waiting_[key] = {++last_order_, body->claims, !body->owner.empty()};
}

// One that is to become exclusive waits; later requests wait for it.
void QueueChecker::hears_convert(const Message& message) {
  const RequestKey key = key_of(message);
  const auto body = protocol::decode<protocol::ConvertLock>(message.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  const auto held = token ? held_.find(token->number) : held_.end();
  if (held == held_.end() || waiting_.contains(key)) return;
  about_lock_[key] = token->number;
  to_shared_[key] = body->shared;
  if (body->shared) return;
  Waiting& waiting = waiting_[key];
  waiting.order = ++last_order_;
  waiting.claims = with_mode(held->second.claims, false);
  waiting.upgrades = token->number;
}

void QueueChecker::hears_broker(const Message& message) {
  const std::uint64_t number = message.stamp.session;
  if (message.header.type == Type::session_alive) {
    const auto note = protocol::decode<protocol::SessionAlive>(message.body);
    if (!note) return;
    Session& session = sessions_[number];
    session.sign = world_.time();
    session.ended = false;
    if (note->lease_ms != 0) session.lease = Time(note->lease_ms);
  } else if (message.header.type == Type::session_ended) {
    const auto note = protocol::decode<protocol::SessionEnded>(message.body);
    if (!note) return;
    sessions_[number].ended = true;
    if (note->bye)
      std::erase_if(held_, [&](const auto& held) {
        return !held.second.named && held.second.key.first == number;
      });
  } else if (message.header.type == Type::worker_gone) {
    if (const auto note = protocol::decode<protocol::WorkerGone>(message.body))
      drop_worker(note->worker);
  }
}

// The broker gives its jobs to others; what waited for it is out of the queue.
void QueueChecker::drop_worker(std::uint64_t worker) {
  for (auto at = workers_.begin(); at != workers_.end();) {
    if (at->second != worker) {
      ++at;
      continue;
    }
    std::erase_if(waiting_, [&](const auto& entry) {
      const auto commit = commits_.find(entry.first);
      return entry.second.is_commit && commit != commits_.end() && commit->second.peer == at->first;
    });
    at = workers_.erase(at);
  }
}

void QueueChecker::hears_worker(const Message& message) {
  if (message.header.type == Type::join_locks) {
    const auto join = protocol::decode<protocol::JoinLocks>(message.body);
    // A worker that has not heard of the restart is refused. Its number is another worker's by now.
    if (!join || join->epoch != epoch_) return;
    const auto before = workers_.find(message.peer.id);
    if (before != workers_.end() && before->second != join->worker) drop_worker(before->second);
    workers_[message.peer.id] = join->worker;
  } else if (message.header.type == Type::commit) {
    if (const auto commit = protocol::decode<protocol::Commit>(message.body))
      commits_[key_of(message)] = {claims_taken_by(*commit), message.peer.id};
  }
}

// --- what it sends ---

void QueueChecker::sends(const Message& message) {
  const RequestKey key = key_of(message);
  switch (message.header.type) {
    case Type::acquire_lock_reply:
      return granted(message);
    case Type::release_lock_reply:
    case Type::break_lock_reply:
      held_.erase(about_lock_[key]);
      return;
    case Type::convert_lock_reply:
      waiting_.erase(key);
      if (const auto found = held_.find(about_lock_[key]); found != held_.end()) {
        Held& held = found->second;
        held.claims = with_mode(held.claims, to_shared_[key]);
        held.downgraded = to_shared_[key];
        held.may_be_exclusive = false;
      }
      return;
    case Type::renew_lock_reply:
      if (const auto held = held_.find(about_lock_[key]); held != held_.end())
        held->second.sign = world_.time();
      return;
    case Type::commit_reply:
      // To a worker that reads slowly, that it waits may be said once more after this.
      commits_.erase(key);
      waiting_.erase(key);
      return;
    case Type::error:
      waiting_.erase(key);
      return;
    case Type::commit_waiting:
      return begins_to_wait(message);
    case Type::publish:
      return published(message);
    case Type::sync_locks:
      syncing_ = true;
      return;
    default:
      return;
  }
}

bool QueueChecker::is_dead(std::uint64_t number) const {
  const auto found = sessions_.find(number);
  if (found == sessions_.end() || found->second.lease == runtime::never) return false;
  const Session& session = found->second;
  return session.ended || std::max(session.sign + session.lease, grace_until_) <= world_.time();
}

Time QueueChecker::ends(const Held& held) const {
  const auto session = held.named ? sessions_.end() : sessions_.find(held.key.first);
  const Time sign =
      session == sessions_.end() ? held.sign : std::max(held.sign, session->second.sign);
  return std::max(sign + held.ttl, grace_until_);
}

void QueueChecker::granted(const Message& message) {
  const auto body = protocol::decode<protocol::AcquireLockReply>(message.body);
  const auto token = body ? protocol::parse_token(body->token) : std::nullopt;
  if (!token) throw Violation{"a grant without a token"};
  const auto found = waiting_.find(key_of(message));
  if (found == waiting_.end()) return granted_again(message, *token, Time(body->ttl_ms));
  const Waiting granted = found->second;
  // A named owner's lock is granted before it is on the disk; who asked may have died since then.
  if (!granted.named && is_dead(message.stamp.session))
    throw Violation{fmt::format("lock {} was granted to {:x}, which is dead", token->number,
                                message.stamp.session)};
  for (const auto& [key, other] : waiting_)
    if (token->number >= first_number_ && other.order < granted.order &&
        conflict(other.claims, granted.claims))
      throw Violation{fmt::format("lock {} on {} was granted to {:x} before {:x}, which came first",
                                  token->number, granted.claims[0].path, message.stamp.session,
                                  key.first)};
  waiting_.erase(found);
  last_given_ = std::max(last_given_, token->number);
  held_[token->number] = {key_of(message), granted.claims, Time(body->ttl_ms), world_.time(),
                          granted.named};
}

// A repeat; after a loss of power perhaps with another number.
void QueueChecker::granted_again(const Message& message, const protocol::Token& token, Time ttl) {
  if (held_.contains(token.number)) return;
  for (const auto& [number, held] : held_) {
    if (held.key != key_of(message)) continue;
    Held again = held;
    again.ttl = ttl;
    again.sign = world_.time();
    held_.erase(number);
    held_[token.number] = std::move(again);
    return;
  }
}

void QueueChecker::begins_to_wait(const Message& message) {
  const auto commit = commits_.find(key_of(message));
  if (commit == commits_.end()) return;
  const auto [waiting, is_new] = waiting_.try_emplace(commit->first);
  if (!is_new && waiting->second.claims == commit->second.claims) return;
  waiting->second = {++last_order_, commit->second.claims};
  waiting->second.is_commit = true;
}

void QueueChecker::published(const Message& message) {
  const auto commit = protocol::decode<protocol::Publish>(message.body);
  if (message.stamp.number == 0 || !commit) return;
  const Claims claims = claims_taken_by(*commit);
  std::uint64_t order = last_order_ + 1;
  if (const auto waited = waiting_.find(key_of(message)); waited != waiting_.end()) {
    order = waited->second.order;
    waiting_.erase(waited);
  }
  if (const auto token = protocol::parse_token(commit->terms.token)) {
    const auto held = held_.find(token->number);
    if (held == held_.end() && token->number > unsure_up_to_)
      throw Violation{fmt::format("commit {} ({}) went through under lock {}, which had ended",
                                  message.stamp.number, commit->path, token->number)};
    if (held != held_.end() && ends(held->second) <= world_.time())
      throw Violation{
          fmt::format("commit {} ({}) went through under lock {}, which outlived its "
                      "lease by {} ms",
                      message.stamp.number, commit->path, token->number,
                      (world_.time() - ends(held->second)).count())};
  } else {
    // A grant that has to be on the disk first is told to nobody if its session dies meanwhile.
    for (const auto& [key, waiting] : waiting_)
      if (waiting.next_up && !is_dead(key.first) && waiting.order < order &&
          conflict(waiting.claims, claims))
        throw Violation{fmt::format("commit {} ({}) passed {:x}, whose turn it was",
                                    message.stamp.number, commit->path, key.first)};
  }
  under_way_[message.stamp.number] = claims;
}

// --- whose turn it is ---

QueueChecker::InTheWay QueueChecker::in_the_way(const Waiting& waiting) const {
  for (const auto& [number, held] : held_)
    if (number != waiting.upgrades && ends(held) > world_.time() &&
        conflict(held.may_be_exclusive ? with_mode(held.claims, false) : held.claims,
                 waiting.claims))
      return InTheWay::others;
  // All that wait and conflict with one that is to become exclusive wait for its holder anyway.
  for (const auto& [key, other] : waiting_)
    if ((waiting.upgrades != 0 ? other.next_up : other.order < waiting.order) &&
        conflict(other.claims, waiting.claims))
      return InTheWay::others;
  for (const auto& [number, claims] : under_way_)
    if (conflict(claims, waiting.claims)) return InTheWay::commits;
  return InTheWay::nobody;
}

void QueueChecker::turn_ended() {
  const Time now = world_.time();
  for (auto& [key, waiting] : waiting_) {
    const InTheWay in_the_way = this->in_the_way(waiting);
    const bool may_be_next = !waiting.is_commit && waiting.upgrades == 0 && now >= unsure_until_;
    waiting.next_up = waiting.next_up || (may_be_next && in_the_way == InTheWay::commits);
    if (in_the_way != InTheWay::nobody || syncing_ || now < unsure_until_)
      waiting.free_since = runtime::never;
    else if (waiting.free_since == runtime::never)
      waiting.free_since = now;
    if (waiting.free_since != runtime::never && now - waiting.free_since > patience)
      throw Violation{fmt::format("{:x} waits for '{}' since {} ms though nobody is in its way",
                                  key.first, waiting.claims[0].path,
                                  (now - waiting.free_since).count())};
  }
}

bool QueueChecker::is_held(const Claims& claims) const {
  return std::any_of(held_.begin(), held_.end(), [&](const auto& entry) {
    return ends(entry.second) > world_.time() && conflict(entry.second.claims, claims);
  });
}

bool QueueChecker::is_waiting(std::uint64_t session) const {
  const auto first = waiting_.lower_bound({session, 0});
  return first != waiting_.end() && first->first.first == session;
}

bool QueueChecker::covers(std::uint64_t number, const Claims& claims) const {
  const auto held = held_.find(number);
  return held != held_.end() && ends(held->second) > world_.time() &&
         std::all_of(claims.begin(), claims.end(),
                     [&](const auto& claim) { return sim::covers(held->second.claims, claim); });
}

void QueueChecker::on_pause(Time until, Time lease) {
  grace_until_ = std::max(grace_until_, until + lease);
  if (world_.time() < unsure_until_) unsure_until_ = std::max(unsure_until_, until + longest_ttl);
}

void QueueChecker::on_server_gone(bool power) {
  if (power) {
    unsure_up_to_ = last_given_;
    for (auto& [number, held] : held_) held.may_be_exclusive |= held.downgraded;
  }
  syncing_ = false;
  sessions_.clear();
  waiting_.clear();
  about_lock_.clear();
  to_shared_.clear();
  commits_.clear();
  under_way_.clear();
  workers_.clear();
}

void QueueChecker::on_server_back(Time lease) {
  grace_until_ = std::max(grace_until_, world_.time() + lease);
  unsure_until_ = world_.time() + longest_ttl;
  for (auto& [number, held] : held_) held.sign = world_.time();
}

}  // namespace sluice::sim
