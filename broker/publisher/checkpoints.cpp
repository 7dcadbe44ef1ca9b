// Checkpoints of the publisher: see publisher.hpp. A checkpoint begins a new segment with all that
// must outlive the older ones, has the checkpointer sync the tree meanwhile, and then drops them.
#include <algorithm>
#include <utility>

#include "broker/publisher/publisher.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::Result;
using runtime::Message;
using runtime::Outbox;
using runtime::Time;

void Publisher::on_checkpoint(Message&& message, Time now, Outbox& outbox) {
  const auto request = protocol::decode<protocol::Checkpoint>(message.body);
  if (!request) return outbox.send(runtime::make_error(message, request.error()));
  run(now, outbox);
  if (request->full_disk) make_room();
  std::vector<Message>& askers = under_way_ == 0 ? askers_ : next_askers_;
  askers.push_back(std::move(message));
  if (failed_) return answer_checkpoints(askers, false, outbox);
  if (under_way_ != 0) return;
  if (log_is_empty()) return answer_checkpoints(askers_, true, outbox);
  if (!start_checkpoint(now, outbox)) answer_checkpoints(askers_, false, outbox);
}

void Publisher::on_checkpoint_reply(const Message& message, Time now, Outbox& outbox) {
  const auto reply = protocol::decode<protocol::CheckpointReply>(message.body);
  if (!reply || under_way_ == 0 || reply->generation != under_way_ || failed_) return;
  under_way_ = 0;
  const bool for_front = std::exchange(started_for_front_, false);
  if (!reply->ok) {
    // The kernel tells of bytes it could not write once: a second sync would succeed without them,
    // and the log that holds them would be dropped. A restart makes the changes anew from it.
    fail_log({Code::log_failed, {}, "the tree could not be synced"});
    return run(now, outbox);
  }
  storage_.sync_ended();
  const auto dropped = drop_older(reply->generation);
  if (dropped) ++counters_.checkpoints;
  checkpoint_due_ = log_is_empty() ? runtime::never : now + config_.checkpoint_every;
  answer_checkpoints(askers_, dropped.has_value(), outbox);
  if (!next_askers_.empty() && !failed_) {
    askers_ = std::exchange(next_askers_, {});
    if (!start_checkpoint(now, outbox)) answer_checkpoints(askers_, false, outbox);
  }
  if (front_waits_ && !failed_) {
    if (!dropped && for_front)
      refuse_front(dropped.error(), outbox);
    else
      empty_log_for_front(now, outbox);
  }
  run(now, outbox);
}

Result<void> Publisher::start_checkpoint(Time now, Outbox& outbox) {
  checkpoint_due_ = now + config_.checkpoint_every;
  // A segment is whole before the next one begins: replay relies on it.
  if (log_.unsynced())
    if (auto synced = sync_log(); !synced) return synced;
  if (auto started = log_.start_next(); !started) return started;
  bound_outcomes();
  relaxed_in_.clear();
  unsynced_before_.merge(unsynced_);
  unsynced_.clear();
  older_changes_ = older_changes_ || current_changes_;
  current_changes_ = false;
  log_.add_head(outcomes_, epoch_, reserved_up_to_, oldest_);
  if (auto written = write_synced(); !written) return written;
  log_.forget_written_bytes();
  under_way_ = log_.generation();
  storage_.sync_begins();
  outbox.send(
      runtime::make_message({runtime::Port::checkpointer, {}}, protocol::Checkpoint{under_way_}));
  return {};
}

// That they may go is logged first: should some of them come back with a power loss, they are not
// read.
Result<void> Publisher::drop_older(std::uint64_t generation) {
  LogRecord record;
  record.kind = RecordKind::dropped;
  record.oldest = generation;
  log_.add(record);
  if (auto written = write_synced(); !written) return written;
  oldest_ = generation;
  older_changes_ = false;
  unsynced_before_.clear();
  if (removed_in_ < generation) removed_directory_.clear();
  // What stays because of an error goes with the next checkpoint.
  (void)files_.drop_before(generation);
  if (std::exchange(room_wanted_, false)) files_.make_room();
  return {};
}

// On a small disk the log is a part of it: before a checkpoint, while one is under way, and in one
// batch.
std::uint64_t Publisher::checkpoint_bytes() const {
  return std::min(config_.checkpoint_bytes, files_.share_bytes());
}

bool Publisher::log_is_too_long() const {
  return under_way_ != 0 && log_.written_bytes() / 2 > files_.share_bytes();
}

std::size_t Publisher::batch_bytes() const {
  return std::min<std::uint64_t>(config_.batch_bytes, files_.share_bytes() / 4);
}

// They are at the head of each segment.
void Publisher::bound_outcomes() {
  namespace limits = protocol::limits;
  outcomes_.bound(std::clamp<std::uint64_t>(files_.share_bytes() / 2, limits::outcomes_min_bytes,
                                            limits::outcomes_bytes));
}

void Publisher::empty_log_for_front(Time now, Outbox& outbox) {
  if (log_is_empty()) {
    front_waits_ = false;
    return;
  }
  if (under_way_ != 0) return;
  if (auto started = start_checkpoint(now, outbox); started)
    started_for_front_ = true;
  else if (!failed_)
    refuse_front(started.error(), outbox);
}

void Publisher::refuse_front(const protocol::Error& error, Outbox& outbox) {
  front_waits_ = false;
  Item item{std::move(queue_.front()), {}, {}, false, false};
  queue_.pop_front();
  if (item.waiting.again) (void)storage_.drop_claimed(item.waiting.message.stamp.number);
  item.answer.code = static_cast<std::uint16_t>(error.code);
  item.answer.path = item.waiting.commit.path;
  item.answer.detail = error.detail;
  answer(item, outbox);
}

void Publisher::answer_checkpoints(std::vector<Message>& askers, bool ok, Outbox& outbox) {
  for (const Message& asker : std::exchange(askers, {})) {
    protocol::CheckpointReply reply;
    reply.generation = log_.generation();
    reply.ok = ok;
    outbox.send(runtime::make_reply(asker, reply));
  }
}

}  // namespace sluice::broker::publisher
