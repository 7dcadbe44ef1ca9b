// The worker: takes a client's request, does all that is heavy, and either answers or asks the lock
// actor to commit. It never waits: a request whose commit is under way is parked in a map, and the
// next is taken. It keeps nothing else between messages, so any worker can go on with any upload or
// snapshot.
//
// An actor: no socket, clock or thread. Ports: broker, locks. Read on: operations/operation.hpp,
// docs/architecture.md "One put, hop by hop".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/messages/batches.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/workers.hpp"
#include "runtime/actor.hpp"
#include "storage/storage.hpp"
#include "workers/operations/operation.hpp"

namespace sluice::workers {

struct WorkerConfig {
  /// Shown by the broker: "host:pid/1".
  std::string name;
  std::uint32_t slots = protocol::limits::worker_slots;
  /// A thread of sluiced: it cannot die or freeze alone, so its silence (in a long disk sync) means
  /// nothing.
  bool in_process = false;
};

class Worker final : public runtime::Actor {
 public:
  Worker(WorkerConfig config, storage::Storage& storage);

  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override;
  void on_tick(runtime::Time now, runtime::Outbox& outbox) override;
  runtime::Time next_tick() const override { return next_tick_; }

  /// Leaves in good order: what is not answered goes to other workers.
  void leave(runtime::Outbox& outbox);

  /// Where the lock actor listens for this worker; empty before the first welcome.
  const std::string& locks_endpoint() const { return locks_endpoint_; }
  /// Under which the broker knows it; 0 before the first welcome.
  std::uint64_t number() const { return number_; }
  /// Set when the broker refused this worker for good.
  const protocol::Error* refused() const { return refused_ ? &*refused_ : nullptr; }

 private:
  enum class Standing { unknown, welcomed, joined };

  /// Where an outcome belongs in the answer to a `put_many`; batch 0: it is an answer by itself.
  struct InBatch {
    std::uint64_t batch = 0;
    std::size_t at = 0;
  };
  /// A `put_many` that is answered when all its outcomes are there.
  struct Batch {
    runtime::Message request;  // without body and payload
    std::vector<protocol::PutOutcome> outcomes;
    std::size_t open = 0;
  };

  /// A request whose commit is under way: what is needed to answer it.
  struct Parked {
    runtime::Message request;  // without body and payload
    protocol::Commit commit;
    protocol::Payload bytes;
    /// What the worker itself found wrong; counts unless an earlier attempt had an outcome.
    std::optional<protocol::Error> refusal;
    InBatch place;
  };

  void on_welcome(const runtime::Message& message, runtime::Time now, runtime::Outbox& outbox);
  void on_error(const runtime::Message& message, runtime::Time now, runtime::Outbox& outbox);
  void on_joined(runtime::Outbox& outbox);
  void on_commit_waiting(const runtime::Message& message, runtime::Outbox& outbox);
  void on_commit_reply(const runtime::Message& message, runtime::Time now, runtime::Outbox& outbox);
  void on_job(runtime::Message&& message, runtime::Outbox& outbox);
  void on_put_many(runtime::Message&& message, runtime::Outbox& outbox);

  void say_hello(runtime::Time now, runtime::Outbox& outbox);
  void ask_to_join(runtime::Outbox& outbox);
  void park(runtime::Message&& request, Change&& change, std::optional<protocol::Error> refusal,
            InBatch place, runtime::Outbox& outbox);
  void send_commit(std::uint64_t handle, const Parked& parked, runtime::Outbox& outbox);
  void finish(Parked&& parked, const protocol::CommitReply& outcome, runtime::Outbox& outbox);
  void answer(const Parked& parked, const protocol::Result<std::uint64_t>& version,
              runtime::Outbox& outbox);
  /// `path`: of the file, which need not be said again.
  void note_outcome(InBatch place, const std::string& path,
                    const protocol::Result<std::uint64_t>& version, runtime::Outbox& outbox);
  void end_of_batch(std::uint64_t number, runtime::Outbox& outbox);

  WorkerConfig config_;
  storage::Storage& storage_;
  Standing standing_ = Standing::unknown;
  std::string locks_endpoint_;
  std::optional<protocol::Error> refused_;
  std::uint64_t epoch_ = 0;
  std::uint64_t number_ = 0;
  bool relaxed_server_ = false;
  std::uint64_t last_handle_ = 0;
  std::map<std::uint64_t, Parked> parked_;
  std::map<std::uint64_t, Batch> batches_;
  /// Whether something may lie in the trash; looked at between messages, a piece at a time.
  bool trash_ = true;
  runtime::Time next_heartbeat_{};
  runtime::Time next_tick_{};
};

}  // namespace sluice::workers
