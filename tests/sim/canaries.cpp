// See canaries.hpp.
#include "tests/sim/canaries.hpp"

#include "broker/publisher/commit_log.hpp"
#include "tests/sim/server.hpp"

namespace sluice::sim {

using protocol::Type;
namespace publisher = broker::publisher;

namespace {

constexpr std::uint64_t false_request = 1ull << 48;

}  // namespace

const std::map<std::string, Canary>& canaries() {
  static const std::map<std::string, Canary> all{
      {"skip-check-at-commit", Canary::skip_check_at_commit},
      {"publish-before-sync", Canary::publish_before_sync},
      {"replay-put-over-remove", Canary::replay_put_over_remove},
      {"trust-relaxed-puts", Canary::trust_relaxed_puts},
      {"answer-repeat-anew", Canary::answer_repeat_anew},
      {"forget-dead-readers-lock", Canary::forget_dead_readers_lock},
      {"acknowledge-too-early", Canary::acknowledge_too_early},
      {"forget-to-sync-upload", Canary::forget_to_sync_upload},
      {"reuse-numbers", Canary::reuse_numbers},
      {"lose-event", Canary::lose_event},
      {"tell-event-twice", Canary::tell_event_twice},
      {"hide-gap", Canary::hide_gap},
      {"skip-condition", Canary::skip_condition},
      {"expire-early", Canary::expire_early},
      {"never-expire", Canary::never_expire},
      {"release-on-worker-death", Canary::release_on_worker_death},
      {"forget-release", Canary::forget_release},
      {"forget-bye", Canary::forget_bye},
      {"overlook-tree", Canary::overlook_tree},
      {"grant-set-partly", Canary::grant_set_partly},
      {"exclusive-as-shared", Canary::exclusive_as_shared},
      {"lose-queue-order", Canary::lose_queue_order},
      {"readers-starve-writer", Canary::readers_starve_writer},
      {"forget-waiter", Canary::forget_waiter},
      {"grant-to-the-dead", Canary::grant_to_the_dead},
      {"commit-despite-lock", Canary::commit_despite_lock},
      {"upgrade-at-once", Canary::upgrade_at_once},
      {"named-ends-with-session", Canary::named_ends_with_session},
      {"forget-journal", Canary::forget_journal},
  };
  return all;
}

bool Sabotage::is(Canary canary) const {
  return machine_.canary == canary;
}

void Sabotage::sings() {
  ++machine_.canary_sang;
}

void Sabotage::before_recovery(Machine& machine) {
  machine.log.lie_about_sync(machine.canary == Canary::publish_before_sync);
  machine.storage.forget_to_sync_uploads(machine.canary == Canary::forget_to_sync_upload);
  if (machine.canary == Canary::forget_journal) {
    ++machine.canary_sang;
    // With its mark: damage would be noticed.
    for (const unsigned which : {0u, 1u, 2u}) machine.journal.contents(which).clear();
  }
  if (machine.canary != Canary::replay_put_over_remove &&
      machine.canary != Canary::trust_relaxed_puts)
    return;
  for (const auto& [generation, bytes] : machine.log.contents()) {
    std::string tampered;
    for (const auto& read : publisher::read_records(bytes, generation)) {
      publisher::LogRecord record = read.record;
      if (machine.canary == Canary::trust_relaxed_puts) {
        if (record.relaxed) ++machine.canary_sang;
        record.relaxed = false;
      } else if (record.kind == publisher::RecordKind::remove) {
        record.kind = publisher::RecordKind::nothing;
        ++machine.canary_sang;
      }
      publisher::encode_record(tampered, record, read.data, generation, read.sequence);
    }
    machine.log.replace(generation, tampered);
  }
}

std::uint64_t Sabotage::first_number(const Machine& machine, std::uint64_t recovered) {
  return machine.canary == Canary::reuse_numbers ? 1 : recovered;
}

// --- messages ---

bool Sabotage::lock_actor_hears(Message& message) {
  if (is(Canary::skip_check_at_commit) && message.header.type == Type::commit) hide_token(message);
  if (is(Canary::forget_dead_readers_lock) && message.header.type == Type::session_ended)
    return !keep_reader(message);
  if (is(Canary::acknowledge_too_early) && message.header.type == Type::published &&
      acknowledged_.contains(message.stamp.number))
    return acknowledging_.erase(message.stamp.number) > 0;
  return lock_actor_hears_of_locks(message);
}

bool Sabotage::lock_actor_sends(Message& message) {
  // What answers a canary is nobody else's business.
  if (message.peer.id == not_heard) return false;
  lock_actor_sends_of_locks(message);
  if (message.header.type == Type::watch_reply) tell_watcher_wrong(message);
  if (message.header.type != Type::publish) return true;
  if (is(Canary::skip_check_at_commit) || is(Canary::commit_despite_lock)) show_token(message);
  if (!is(Canary::acknowledge_too_early) || message.stamp.number == 0) return true;
  sings();
  protocol::Published done;
  done.version = message.stamp.number;
  acknowledged_.insert(done.version);
  acknowledging_.insert(done.version);
  Message reply = runtime::make_reply(message, done);
  reply.peer = {Port::publisher, {}};
  tell_locks_(std::move(reply));
  return true;
}

void Sabotage::publisher_hears(Message& message) {
  if (is(Canary::skip_condition) && message.header.type == Type::publish)
    change_body<protocol::Publish>(message, [](protocol::Publish& commit) {
      commit.terms.if_version.reset();
      commit.terms.if_absent = false;
    });
  if (!is(Canary::answer_repeat_anew) || message.header.type != Type::publish) return;
  sings();
  const std::uint64_t request = false_request + ++false_requests_;
  true_requests_[request] = message.header.request_id;
  message.header.request_id = request;
}

void Sabotage::publisher_sends(Message& message) {
  if (const auto found = true_requests_.find(message.header.request_id);
      found != true_requests_.end())
    message.header.request_id = found->second;
}

void Sabotage::hide_token(Message& message) {
  auto commit = protocol::decode<protocol::Commit>(message.body);
  if (!commit || commit->terms.token.empty()) return;
  sings();
  hidden_tokens_[{message.stamp.session, message.header.request_id}] = commit->terms.token;
  commit->terms.token.clear();
  message.body = protocol::encode(*commit);
}

void Sabotage::show_token(Message& message) {
  const auto found = hidden_tokens_.find({message.stamp.session, message.header.request_id});
  auto publish = protocol::decode<protocol::Publish>(message.body);
  if (found == hidden_tokens_.end() || !publish) return;
  publish->terms.token = found->second;
  message.body = protocol::encode(*publish);
}

void Sabotage::tell_watcher_wrong(Message& message) {
  auto reply = protocol::decode<protocol::WatchReply>(message.body);
  if (!reply) return;
  const bool has_change =
      !reply->events.empty() && reply->events.front().kind < protocol::EventKind::lock;
  if (is(Canary::lose_event) && has_change)
    reply->events.erase(reply->events.begin());
  else if (is(Canary::tell_event_twice) && has_change)
    reply->events.insert(reply->events.begin(), protocol::WatchEvent(reply->events.front()));
  else if (is(Canary::hide_gap) && reply->gap)
    reply->gap = false;
  else
    return;
  sings();
  message.body = protocol::encode(*reply);
}

bool Sabotage::keep_reader(const Message& message) {
  const std::uint64_t session = message.stamp.session;
  if (!machine_.locks.has_shared(session)) return false;
  sings();
  keep_alive(session, 1000);
  return true;
}

void Sabotage::keep_alive(std::uint64_t session, int times) {
  tell_locks_(runtime::make_message({Port::broker, not_heard},
                                    protocol::SessionAlive{"a ghost", 10'000}, 0, {session, 0, 0}));
  if (times > 0)
    world_.after(300 * ms, [this, session, times, alive = std::weak_ptr(alive_)] {
      if (alive.lock()) keep_alive(session, times - 1);
    });
}

}  // namespace sluice::sim
