// The publisher actor: the only one that changes the tree. It takes all commits that wait as a
// batch: answers those done before, checks conditions, appends the records to the commit log, syncs
// once, changes the tree in commit order, then answers. So nothing is seen that a power loss takes
// back, but for relaxed puts. It blocks on the disk and has a thread of its own. Messages and
// batches are in publisher.cpp, checkpoints in checkpoints.cpp. Read on: conditions.hpp,
// commit_log.hpp, replay.hpp.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "broker/publisher/conditions.hpp"
#include "broker/publisher/log_writer.hpp"
#include "broker/publisher/outcomes.hpp"
#include "broker/publisher/replay.hpp"
#include "broker/publisher/tree_view.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/commits.hpp"
#include "runtime/actor.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

using protocol::Durability;

struct PublisherConfig {
  /// Of puts that do not say theirs: `full` or `relaxed`.
  Durability durability = Durability::full;
  std::size_t batch_commits = protocol::limits::batch_commits;
  std::size_t batch_bytes = 8u << 20;
  std::uint64_t checkpoint_bytes = protocol::limits::log_checkpoint_bytes;
  runtime::Time checkpoint_every{30'000};
  runtime::Time relaxed_sync_every{50};
};

/// For a status line.
struct PublisherCounters {
  std::uint64_t batches = 0;
  std::uint64_t commits = 0;
  std::uint64_t largest_batch = 0;
  std::uint64_t log_syncs = 0;
  std::uint64_t checkpoints = 0;
};

class Publisher final : public runtime::Actor {
 public:
  /// `recovered` is what `recover` gave for the same storage and log; `sync_locks`
  /// makes the lock journal durable. All outlive the publisher.
  Publisher(const PublisherConfig& config, storage::Storage& storage, storage::LogFiles& files,
            std::function<protocol::Result<void>()> sync_locks, Recovered&& recovered);

  /// From Port::locks `publish`, `reserve_numbers` and `sync_locks`, from Port::checkpointer
  /// `checkpoint_reply`; from anyone `checkpoint`: makes one now and answers when it is done, so
  /// that the next start has nothing to replay.
  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override;
  void on_tick(runtime::Time now, runtime::Outbox& outbox) override;
  runtime::Time next_tick() const override;
  void on_drained(runtime::Time now, runtime::Outbox& outbox) override;

  const PublisherCounters& counters() const { return counters_; }
  /// Log and tree cannot be trusted to agree any more: every further change is answered with
  /// `log_failed`.
  bool failed() const { return failed_; }

 private:
  struct Waiting {
    runtime::Message message;
    protocol::Publish commit;
    /// Found no room once. Room was made, and it is tried again alone: what still finds none takes
    /// no other change along.
    bool again = false;
  };
  struct Item {
    Waiting waiting;
    protocol::Published answer;
    LogRecord record;
    /// The record is in the log, or is to be.
    bool logged = false;
    /// Answered with an outcome remembered, or with none.
    bool from_memory = false;
  };
  struct Batch {
    std::vector<Item> items;
    std::unordered_set<std::uint64_t> requests;
    std::size_t logged = 0;
    /// It is one change: of a directory, where nothing else may be in the log, or tried again.
    bool alone = false;
    /// Not all of it is relaxed.
    bool is_synced = false;
    /// What is at the front of the queue needs an empty log.
    bool blocked = false;
  };
  enum class Taken : std::uint8_t { yes, not_yet };

  void on_publish(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox);
  void on_reserve_numbers(const runtime::Message& message, runtime::Outbox& outbox);
  void on_sync_locks(const runtime::Message& message, runtime::Outbox& outbox);
  void on_checkpoint(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox);
  void on_checkpoint_reply(const runtime::Message& message, runtime::Time now,
                           runtime::Outbox& outbox);

  void run(runtime::Time now, runtime::Outbox& outbox);
  Batch take_batch();
  Taken take(Waiting& waiting, TreeView& view, Batch& batch);
  Taken take_planned(Waiting& waiting, Plan&& plan, TreeView& view, Batch& batch);
  void refuse(Waiting& waiting, const protocol::Error& error, Batch& batch);
  /// Decides whether it is relaxed, and syncs what it must not leave to chance.
  protocol::Result<void> settle_bytes(const protocol::Commit& commit, bool replaces,
                                      LogRecord& record);
  void finish(Batch& batch, runtime::Time now, runtime::Outbox& outbox);
  /// Lets the storage write what it may before the log is synced.
  void prepare(const Batch& batch);
  bool log(Batch& batch, runtime::Time now);
  /// It is in the log.
  void change(Batch& batch);
  void log_cannot_grow(Batch& batch);
  /// To the front of the queue.
  void put_back(std::vector<Waiting>&& again);
  /// Gives back what the log keeps to save time, now and when it is empty.
  void make_room();
  /// Gives those that came to nothing.
  std::vector<Item*> make_changes(Batch& batch);
  void revoke(std::vector<Item*>& revoked);
  void weigh_again(Batch& batch, const std::vector<Item*>& revoked);
  /// Came to nothing for want of room, for the first time.
  static bool is_tried_again(const Item& item);
  void refuse_all(Batch& batch, const protocol::Error& error);
  void answer(const Item& item, runtime::Outbox& outbox);
  void answer_queue_failed(runtime::Outbox& outbox);
  protocol::Result<void> write_synced();
  protocol::Result<void> sync_log();
  void fail_log(const protocol::Error& error);
  protocol::Error log_failure() const;

  bool log_is_empty() const { return !older_changes_ && !current_changes_; }
  std::uint64_t checkpoint_bytes() const;
  std::size_t batch_bytes() const;
  bool log_is_too_long() const;
  void bound_outcomes();
  protocol::Result<void> start_checkpoint(runtime::Time now, runtime::Outbox& outbox);
  protocol::Result<void> drop_older(std::uint64_t generation);
  void empty_log_for_front(runtime::Time now, runtime::Outbox& outbox);
  void refuse_front(const protocol::Error& error, runtime::Outbox& outbox);
  void answer_checkpoints(std::vector<runtime::Message>& askers, bool ok, runtime::Outbox& outbox);

  PublisherConfig config_;
  storage::Storage& storage_;
  storage::LogFiles& files_;
  std::function<protocol::Result<void>()> sync_locks_;
  LogWriter log_;
  Outcomes outcomes_;
  std::uint64_t epoch_;
  std::uint64_t reserved_up_to_;
  std::deque<Waiting> queue_;
  PublisherCounters counters_;
  bool failed_ = false;
  std::string failure_;

  // Relaxed puts.
  /// The largest number in the log, or that was to be.
  std::uint64_t last_logged_ = 0;
  /// Directories in which the current segment has one that is synced.
  std::unordered_set<std::string> relaxed_in_;
  /// Versions whose bytes are not synced: put since the current segment began, and before.
  std::unordered_set<std::uint64_t> unsynced_;
  std::unordered_set<std::uint64_t> unsynced_before_;
  runtime::Time sync_due_ = runtime::never;

  // Checkpoints.
  runtime::Time checkpoint_due_ = runtime::never;
  /// When the next one is done, the log gives back what it can.
  bool room_wanted_ = false;
  /// The oldest segment that is needed.
  std::uint64_t oldest_;
  /// Changes in segments before the current one, and in it.
  bool older_changes_ = false;
  bool current_changes_ = false;
  /// The generation whose checkpoint is under way, or 0.
  std::uint64_t under_way_ = 0;
  /// The front of the queue waits until the log is empty.
  bool front_waits_ = false;
  /// The checkpoint under way was started for it.
  bool started_for_front_ = false;
  /// The directory whose removal is in the log, and where.
  std::string removed_directory_;
  std::uint64_t removed_in_ = 0;
  /// Who asked for a checkpoint: answered with the one under way, with the next one.
  std::vector<runtime::Message> askers_;
  std::vector<runtime::Message> next_askers_;
};

}  // namespace sluice::broker::publisher
