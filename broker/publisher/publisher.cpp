// Commits and batches of the publisher: see publisher.hpp. In the order of time: taken, checked,
// logged, made, answered.
#include "broker/publisher/publisher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "broker/publisher/apply.hpp"
#include "broker/publisher/conditions.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::Error;
using protocol::Published;
using runtime::Message;
using runtime::Outbox;
using runtime::Time;

namespace {

// Small puts of a batch for which a second thread is worth it.
constexpr std::size_t prepared_from = 8;

Published refusal(const Error& error) {
  Published outcome;
  outcome.code = static_cast<std::uint16_t>(error.code);
  outcome.path = error.path;
  outcome.detail = error.detail;
  return outcome;
}

Published success(std::uint64_t number, bool trash) {
  Published outcome;
  outcome.version = number;
  outcome.trash = trash;
  return outcome;
}

bool same_request(const Message& one, const Message& other) {
  return one.stamp.session == other.stamp.session &&
         one.header.request_id == other.header.request_id;
}

std::uint64_t request_key(const Message& message) {
  return message.stamp.session * 0x9e3779b97f4a7c15 + message.header.request_id;
}

bool touch(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() &&
         (protocol::is_within(one, other) || protocol::is_within(other, one));
}

// Whether two changes are about the same paths, or one about what lies beneath the other's.
bool touch(const protocol::Commit& one, const protocol::Commit& other) {
  return touch(one.path, other.path) || touch(one.path, other.to_path) ||
         touch(one.to_path, other.path) || touch(one.to_path, other.to_path);
}

bool only_asks(const Message& message, const protocol::Publish& commit) {
  return message.stamp.number == 0 || commit.kind == protocol::ChangeKind::none;
}

}  // namespace

Publisher::Publisher(const PublisherConfig& config, storage::Storage& storage,
                     storage::LogFiles& files, std::function<protocol::Result<void>()> sync_locks,
                     Recovered&& recovered)
    : config_(config),
      storage_(storage),
      files_(files),
      sync_locks_(std::move(sync_locks)),
      log_(files, recovered.generation, recovered.next_sequence),
      outcomes_(std::move(recovered.outcomes)),
      epoch_(recovered.epoch),
      reserved_up_to_(recovered.reserved_up_to),
      oldest_(recovered.generation) {
  bound_outcomes();
}

void Publisher::on_message(Message&& message, Time now, Outbox& outbox) {
  switch (message.header.type) {
    case protocol::Type::publish:
      return on_publish(std::move(message), now, outbox);
    case protocol::Type::reserve_numbers:
      return on_reserve_numbers(message, outbox);
    case protocol::Type::sync_locks:
      return on_sync_locks(message, outbox);
    case protocol::Type::checkpoint:
      return on_checkpoint(std::move(message), now, outbox);
    case protocol::Type::checkpoint_reply:
      return on_checkpoint_reply(message, now, outbox);
    default:
      outbox.send(runtime::make_error(
          message, {Code::unknown_type, {}, "the publisher does not know this message"}));
  }
}

void Publisher::on_publish(Message&& message, Time now, Outbox& outbox) {
  auto commit = protocol::decode<protocol::Publish>(message.body);
  if (!commit) {
    outbox.send(runtime::make_reply(message, refusal(commit.error())));
    return;
  }
  if (only_asks(message, *commit)) {
    const bool comes = std::any_of(queue_.begin(), queue_.end(), [&](const Waiting& waiting) {
      return same_request(waiting.message, message);
    });
    const auto known = outcomes_.find(message.stamp.session, message.header.request_id);
    if (known || !comes) {
      outbox.send(runtime::make_reply(message, known.value_or(Published{})));
      return;
    }
  }
  message.body.clear();
  queue_.push_back({std::move(message), std::move(*commit)});
  if (queue_.size() >= config_.batch_commits) run(now, outbox);
}

void Publisher::on_reserve_numbers(const Message& message, Outbox& outbox) {
  const auto wanted = protocol::decode<protocol::ReserveNumbers>(message.body);
  if (wanted && wanted->up_to > reserved_up_to_ && !failed_) {
    LogRecord record;
    record.kind = RecordKind::reserve_numbers;
    record.up_to = wanted->up_to;
    log_.add(record);
    if (write_synced()) reserved_up_to_ = wanted->up_to;
  }
  outbox.send(runtime::make_reply(message, protocol::ReserveNumbersReply{reserved_up_to_}));
}

void Publisher::on_sync_locks(const Message& message, Outbox& outbox) {
  const auto request = protocol::decode<protocol::SyncLocks>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  const auto synced = sync_locks_();
  if (!synced)
    spdlog::error("{}; until a restart no lock is granted that has to be on the disk",
                  protocol::sentence(synced.error()));
  outbox.send(runtime::make_reply(message,
                                  protocol::SyncLocksReply{request->position, synced.has_value()}));
}

void Publisher::on_drained(Time now, Outbox& outbox) {
  run(now, outbox);
}

void Publisher::on_tick(Time now, Outbox& outbox) {
  if (now >= sync_due_ && !failed_) (void)sync_log();
  if (now >= checkpoint_due_ && !failed_ && under_way_ == 0) (void)start_checkpoint(now, outbox);
  run(now, outbox);
}

Time Publisher::next_tick() const {
  if (failed_) return runtime::never;
  return std::min(sync_due_, under_way_ == 0 ? checkpoint_due_ : runtime::never);
}

void Publisher::run(Time now, Outbox& outbox) {
  while (!queue_.empty() && !front_waits_ && !failed_ && !log_is_too_long()) {
    Batch batch = take_batch();
    finish(batch, now, outbox);
    if (failed_) break;
    if (batch.blocked) {
      front_waits_ = true;
      empty_log_for_front(now, outbox);
    } else if (log_.written_bytes() > checkpoint_bytes() && under_way_ == 0) {
      (void)start_checkpoint(now, outbox);
    }
  }
  if (failed_) answer_queue_failed(outbox);
}

Publisher::Batch Publisher::take_batch() {
  Batch batch;
  TreeView view(storage_);
  while (!queue_.empty() && batch.items.size() < config_.batch_commits && !batch.alone &&
         log_.gathered_bytes() < batch_bytes()) {
    if (take(queue_.front(), view, batch) == Taken::not_yet) break;
    queue_.pop_front();
    const Message& taken = batch.items.back().waiting.message;
    batch.requests.insert(request_key(taken));
  }
  return batch;
}

Publisher::Taken Publisher::take(Waiting& waiting, TreeView& view, Batch& batch) {
  // A repeat of what is in this batch is answered with its outcome, by the next one. That two
  // requests have the same key by chance does no harm.
  const Message& message = waiting.message;
  if (batch.requests.contains(request_key(message))) return Taken::not_yet;
  if (waiting.again && batch.logged > 0) return Taken::not_yet;
  if (const auto known = outcomes_.find(message.stamp.session, message.header.request_id);
      known || only_asks(message, waiting.commit)) {
    Item item{std::move(waiting), known.value_or(Published{}), {}, false, true};
    batch.items.push_back(std::move(item));
    return Taken::yes;
  }
  if (waiting.commit.small && (message.payload.size() != waiting.commit.size_bytes ||
                               message.payload.size() > protocol::limits::small_file_bytes)) {
    const Error error{Code::bad_message, waiting.commit.path, "the bytes are not as many as said"};
    refuse(waiting, error, batch);
    return Taken::yes;
  }
  auto planned = plan(waiting.commit, message.stamp.number, view, removed_directory_);
  if (!planned) {
    refuse(waiting, planned.error(), batch);
    return Taken::yes;
  }
  return take_planned(waiting, std::move(*planned), view, batch);
}

// What it has claimed, now or when it found no room, goes: its number is used by nobody else. Of a
// claim that failed there may be the leaves alone.
void Publisher::refuse(Waiting& waiting, const Error& error, Batch& batch) {
  if (!waiting.commit.staged.empty()) (void)storage_.drop_claimed(waiting.message.stamp.number);
  batch.items.push_back({std::move(waiting), refusal(error), {}, false, false});
}

Publisher::Taken Publisher::take_planned(Waiting& waiting, Plan&& plan, TreeView& view,
                                         Batch& batch) {
  LogRecord& record = plan.record;
  protocol::Result<void> allowed;
  if (plan.needs_empty_log) {
    if (batch.logged > 0) return Taken::not_yet;
    allowed = check_empty(record, view);
    batch.blocked = allowed && !log_is_empty();
    if (batch.blocked) return Taken::not_yet;
  }
  if (record.kind == RecordKind::put_claimed) {
    const auto inode = storage_.claim(record.staged, record.number);
    if (inode)
      record.inode = *inode;
    else
      allowed = tl::make_unexpected(inode.error());
  }
  if (allowed) allowed = settle_bytes(waiting.commit, plan.replaces, record);
  if (!allowed) {
    refuse(waiting, allowed.error(), batch);
    return Taken::yes;
  }
  record.session = waiting.message.stamp.session;
  record.request_id = waiting.message.header.request_id;
  const bool with_bytes = record.kind == RecordKind::put_small;
  log_.add(record, with_bytes ? waiting.message.payload.bytes() : std::span<const char>{});
  last_logged_ = std::max(last_logged_, record.number);
  foresee(record, view);
  batch.alone = is_directory_change(record.kind) || waiting.again;
  batch.is_synced = batch.is_synced || !record.relaxed ||
                    !relaxed_in_.contains(std::string(protocol::parent_of(record.path)));
  ++batch.logged;
  batch.items.push_back({std::move(waiting), {}, std::move(record), true, false});
  return Taken::yes;
}

// What replaces nothing may be lost whole; what replaces something would take the old file along.
// Replay takes relaxed puts to be in the order of their numbers, which one tried again is not.
protocol::Result<void> Publisher::settle_bytes(const protocol::Commit& commit, bool replaces,
                                               LogRecord& record) {
  const bool is_put = commit.kind == protocol::ChangeKind::put;
  record.relaxed = is_put && !replaces && record.number > last_logged_ &&
                   is_relaxed(commit.terms.durability, config_.durability == Durability::relaxed);
  if (is_put && commit.unsynced) {
    if (record.relaxed) {
      unsynced_.insert(record.number);
      return {};
    }
    return storage_.sync_upload(record.number, {});
  }
  // Also one to the same name, which promises no less.
  if (commit.kind != protocol::ChangeKind::rename) return {};
  if (unsynced_.erase(record.version) + unsynced_before_.erase(record.version) == 0) return {};
  auto synced = storage_.sync_upload(record.version, record.path);
  // It would succeed the next time, without the bytes.
  if (!synced && !is_about_the_tree(synced.error().code))
    fail_log({Code::log_failed, record.path,
              "a file to be renamed could not be synced: " + synced.error().detail});
  return synced;
}

void Publisher::finish(Batch& batch, Time now, Outbox& outbox) {
  if (failed_) {
    refuse_all(batch, log_failure());
  } else if (batch.logged > 0) {
    prepare(batch);
    if (log(batch, now)) change(batch);
    storage_.drop_prepared();
  }
  for (const Item& item : batch.items) answer(item, outbox);
}

// What is written under names of the server's own needs no log yet.
void Publisher::prepare(const Batch& batch) {
  std::vector<storage::SmallPut> puts;
  for (const Item& item : batch.items)
    if (item.logged && item.record.kind == RecordKind::put_small)
      puts.push_back({{item.record.number, item.record.size_bytes, item.record.root},
                      item.waiting.message.payload,
                      item.record.preserve,
                      item.record.relaxed});
  if (puts.size() >= prepared_from) storage_.prepare_small(std::move(puts));
}

void Publisher::change(Batch& batch) {
  ++counters_.batches;
  counters_.commits += batch.logged;
  counters_.largest_batch = std::max<std::uint64_t>(counters_.largest_batch, batch.logged);
  const std::vector<Item*> revoked = make_changes(batch);
  if (!revoked.empty() && !failed_) weigh_again(batch, revoked);
}

// A refusal may rest on a change of the same batch, so it too waits for the sync, and falls with
// it.
bool Publisher::log(Batch& batch, Time now) {
  if (auto written = log_.write_leaving(protocol::limits::log_last_bytes); !written) {
    if (written.error().code == Code::no_space) {
      log_cannot_grow(batch);
    } else {
      fail_log(written.error());
      refuse_all(batch, log_failure());
    }
    return false;
  }
  current_changes_ = true;
  if (checkpoint_due_ == runtime::never) checkpoint_due_ = now + config_.checkpoint_every;
  if (batch.is_synced) {
    if (!sync_log()) {
      refuse_all(batch, log_failure());
      return false;
    }
  } else if (sync_due_ == runtime::never) {
    sync_due_ = now + config_.relaxed_sync_every;
  }
  return true;
}

// Everything that waits for room is tried once more: what needs no further room goes on, removals
// above all, and what does is refused when there is still none.
void Publisher::log_cannot_grow(Batch& batch) {
  const Error error{Code::no_space, {}, "the commit log cannot grow"};
  std::vector<Waiting> again;
  std::vector<Item> answered;
  for (Item& item : batch.items) {
    if (item.from_memory || item.waiting.again) {
      if (item.logged && item.record.kind == RecordKind::put_claimed)
        (void)storage_.drop_claimed(item.record.number);
      answered.push_back(std::move(item));
    } else {
      item.waiting.again = true;
      again.push_back(std::move(item.waiting));
    }
  }
  batch.items = std::move(answered);
  refuse_all(batch, error);
  batch.blocked = !again.empty();
  if (batch.blocked) {
    storage_.make_room();
    make_room();
  }
  put_back(std::move(again));
}

void Publisher::make_room() {
  files_.make_room();
  room_wanted_ = !log_is_empty();
}

void Publisher::put_back(std::vector<Waiting>&& again) {
  for (auto waiting = again.rbegin(); waiting != again.rend(); ++waiting)
    queue_.push_front(std::move(*waiting));
}

std::vector<Publisher::Item*> Publisher::make_changes(Batch& batch) {
  std::vector<Item*> revoked;
  for (Item& item : batch.items) {
    if (!item.logged) continue;
    if (failed_) {
      item.answer = refusal(log_failure());
      continue;
    }
    // Conditions and all were checked against a tree that did not come about.
    const auto cause = std::find_if(revoked.begin(), revoked.end(), [&](const Item* before) {
      return touch(before->waiting.commit, item.waiting.commit);
    });
    if (cause != revoked.end()) {
      item.answer = (*cause)->answer;
      item.answer.path = item.record.path;
      revoked.push_back(&item);
      continue;
    }
    const auto trash = apply(item.record, item.waiting.message.payload.bytes(), storage_);
    if (trash) {
      item.answer = success(item.record.number, *trash);
      item.answer.made = std::move(item.record.directories);
      if (item.record.relaxed) relaxed_in_.emplace(protocol::parent_of(item.record.path));
      if (item.record.kind == RecordKind::remove_directory) {
        removed_directory_ = item.record.path;
        removed_in_ = log_.generation();
      }
    } else if (can_be_revoked(trash.error().code)) {
      item.answer = refusal(trash.error());
      revoked.push_back(&item);
    } else {
      fail_log({Code::log_failed, item.record.path,
                "a logged change could not be made: " + trash.error().detail});
      item.answer = refusal(log_failure());
    }
  }
  if (!revoked.empty()) revoke(revoked);
  return revoked;
}

// Refusals that rest on a change which came to nothing are no refusals yet; and for what found no
// room some is made once.
void Publisher::weigh_again(Batch& batch, const std::vector<Item*>& revoked) {
  std::vector<Item> answered;
  std::vector<Waiting> again;
  bool for_room = false;
  const auto rests = [&](const Item& item) {
    return !item.logged && !item.from_memory &&
           std::any_of(revoked.begin(), revoked.end(), [&](const Item* before) {
             return before < &item && touch(before->waiting.commit, item.waiting.commit);
           });
  };
  std::vector<bool> weighed;
  for (Item& item : batch.items) {
    const bool has_room_made = item.logged && is_tried_again(item);
    weighed.push_back(has_room_made || rests(item));
    item.waiting.again = item.waiting.again || has_room_made;
    for_room = for_room || has_room_made;
  }
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (weighed[i])
      again.push_back(std::move(batch.items[i].waiting));
    else
      answered.push_back(std::move(batch.items[i]));
  }
  batch.items = std::move(answered);
  // What waits for an empty log is not the first any more.
  if (!again.empty()) batch.blocked = for_room;
  if (for_room) {
    storage_.make_room();
    make_room();
  }
  put_back(std::move(again));
}

bool Publisher::is_tried_again(const Item& item) {
  return item.answer.code == static_cast<std::uint16_t>(Code::no_space) && !item.waiting.again;
}

// The log says these happened: that is taken back before anybody is told that they did not.
void Publisher::revoke(std::vector<Item*>& revoked) {
  if (!failed_) {
    for (const Item* item : revoked) {
      LogRecord record;
      record.kind = RecordKind::revoked;
      record.number = item->record.number;
      log_.add(record);
    }
    if (auto written = write_synced(); !written && !failed_) fail_log(written.error());
  }
  for (Item* item : revoked) {
    if (failed_)
      item->answer = refusal(log_failure());
    else if (item->record.kind == RecordKind::put_claimed && !is_tried_again(*item))
      (void)storage_.drop_claimed(item->record.number);
  }
}

void Publisher::refuse_all(Batch& batch, const Error& error) {
  for (Item& item : batch.items) {
    if (item.from_memory) continue;
    item.answer = refusal(error);
    if (item.answer.path.empty()) item.answer.path = item.waiting.commit.path;
    item.logged = false;
  }
}

void Publisher::answer(const Item& item, Outbox& outbox) {
  const Message& message = item.waiting.message;
  const auto code = static_cast<Code>(item.answer.code);
  // What failed for want of room or with the log may be tried again: nothing came of it.
  if (!item.from_memory && code != Code::no_space && code != Code::log_failed)
    outcomes_.remember(message.stamp.session, message.header.request_id, item.answer);
  Published outcome = item.answer;
  if (code == Code::log_failed) outcome.version = item.record.number;
  outbox.send(runtime::make_reply(message, outcome));
}

void Publisher::answer_queue_failed(Outbox& outbox) {
  for (const Waiting& waiting : std::exchange(queue_, {})) {
    const Message& message = waiting.message;
    const auto known = outcomes_.find(message.stamp.session, message.header.request_id);
    const bool asks = only_asks(message, waiting.commit);
    outbox.send(
        runtime::make_reply(message, known.value_or(asks ? Published{} : refusal(log_failure()))));
  }
  front_waits_ = false;
  answer_checkpoints(askers_, false, outbox);
  answer_checkpoints(next_askers_, false, outbox);
}

protocol::Result<void> Publisher::write_synced() {
  if (auto written = log_.write(); !written) {
    if (written.error().code != Code::no_space) fail_log(written.error());
    return written;
  }
  return sync_log();
}

protocol::Result<void> Publisher::sync_log() {
  auto synced = log_.sync();
  sync_due_ = runtime::never;
  if (synced)
    ++counters_.log_syncs;
  else
    fail_log(synced.error());
  return synced;
}

void Publisher::fail_log(const Error& error) {
  if (failed_) return;
  failed_ = true;
  spdlog::error("{}; no change is made until a restart", protocol::sentence(error));
  failure_ = error.detail.empty() ? std::string(protocol::name(error.code)) : error.detail;
}

Error Publisher::log_failure() const {
  return {Code::log_failed, {}, failure_};
}

}  // namespace sluice::broker::publisher
