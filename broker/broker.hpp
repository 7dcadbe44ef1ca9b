// The broker: knows sessions and workers, never what a client's message says. A request becomes a
// job, kept until it is answered; a worker with a free slot gets it, and another one, with a higher
// attempt number, if that worker falls silent. Requests about locks go to the lock actor instead.
//
// An actor: no socket, clock or thread. Ports: clients, workers, locks. Read on:
// docs/architecture.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/bulk_reads.hpp"
#include "broker/dispatch.hpp"
#include "broker/outboxes.hpp"
#include "broker/sessions.hpp"
#include "broker/trouble_log.hpp"
#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/workers.hpp"
#include "runtime/actor.hpp"
#include "workers/cached_reader.hpp"

namespace sluice::broker {

struct BrokerConfig {
  std::uint64_t epoch = 0;
  std::string root_identity;
  /// Where the lock actor listens for threads of this process and for worker processes.
  std::string locks_inproc;
  std::string locks_outside;
  std::uint32_t lease_ms = protocol::limits::lease_ms;
  /// Shown in `Welcome`: "sluiced 0.1.0".
  std::string server;
  /// Answers what needs no worker, on the broker's thread; none: workers do all.
  workers::CachedReader* reader = nullptr;
  /// Puts that do not say their durability are relaxed.
  bool relaxed = false;
};

class Broker final : public runtime::Actor {
 public:
  explicit Broker(BrokerConfig config) : config_(std::move(config)) {}

  void on_message(runtime::Message&& message, Time now, runtime::Outbox& outbox) override;
  void on_tick(Time now, runtime::Outbox& outbox) override;
  Time next_tick() const override { return std::min({next_look_, retry_at_, reads_at_}); }
  void on_undelivered(runtime::Message&& message, runtime::Undelivered why, Time now,
                      runtime::Outbox& outbox) override;

  /// From here on new requests are refused; what runs is finished, what waits is answered
  /// `shutting_down`.
  void begin_shutdown(Time now, runtime::Outbox& outbox);
  /// Whether nothing is left to finish.
  bool finished() const { return jobs_.empty(); }
  /// The requests that are still under way, for the log: "put of session 12ab...".
  std::vector<std::string> unfinished() const;

 private:
  /// `publisher`: waits until that has made room on the disk.
  enum class Place { queued, worker, parked, locks, publisher };

  struct Job {
    std::uint64_t number = 0;
    std::uint64_t session = 0;
    Connection connection{};
    Place place = Place::queued;
    /// The worker that has it, by routing id.
    std::string worker;
    std::uint16_t attempt = 0;
    /// How many workers fell silent over it.
    std::uint16_t losses = 0;
    bool cancel_wanted = false;
    /// Room was made for it once.
    bool room_made = false;
    std::size_t bytes = 0;
    /// What it has of `bulk_reads_`; none if it has not begun, or reads nothing.
    std::optional<std::size_t> read_bytes;
    Time since{};
    /// As it came; kept whole so that it can be given again.
    runtime::Message request;
  };

  // from clients
  void from_client(runtime::Message&& message, Time now, runtime::Outbox& outbox);
  void on_hello(runtime::Message&& message, Time now, runtime::Outbox& outbox);
  void on_ping(const runtime::Message& message, runtime::Outbox& outbox);
  void on_bye(const runtime::Message& message, Session& session, Time now, runtime::Outbox& outbox);
  void on_cancel(const runtime::Message& message, Session& session, runtime::Outbox& outbox);
  void on_request(runtime::Message&& message, Session& session, Connection connection, Place place,
                  Time now, runtime::Outbox& outbox);
  bool answer_at_once(const runtime::Message& message, Time now, runtime::Outbox& outbox);
  // from workers
  void from_worker(runtime::Message&& message, Time now, runtime::Outbox& outbox);
  void on_worker_hello(const runtime::Message& message, Time now, runtime::Outbox& outbox);
  bool on_pulse(const runtime::Message& message, Time now);
  void on_job_parked(const runtime::Message& message, WorkerState& worker, Time now,
                     runtime::Outbox& outbox);
  void on_job_reply(runtime::Message&& message, WorkerState& worker, Time now,
                    runtime::Outbox& outbox);
  // from the lock actor
  void from_locks(runtime::Message&& message, Time now, runtime::Outbox& outbox);

  // a full disk
  bool wait_for_room(Job& job, const protocol::ErrorReply& error, runtime::Outbox& outbox);
  void on_room_made(Job& job, Time now, runtime::Outbox& outbox);

  Job& add_job(runtime::Message&& request, Session* session, Connection connection, Time now);
  /// Gives it to the lock actor or into the queue; it may have to wait for what was read before.
  void start(Job& job, Time now, runtime::Outbox& outbox);
  void hand_out(runtime::Outbox& outbox);
  /// `lost`: it fell silent or is gone; otherwise it left, or says hello anew.
  void give_up_worker(const std::string& peer, bool lost, Time now, runtime::Outbox& outbox);
  void answer_job(std::uint64_t number, runtime::Message&& reply, runtime::Outbox& outbox);
  void fail_job(std::uint64_t number, const protocol::Error& error, runtime::Outbox& outbox);
  /// The session that waits for the job's answer; none for the broker's own and for orphans.
  Session* awaiting(const Job& job);
  bool adopt_orphan(std::uint64_t request_id, Session& session, Connection connection);
  std::uint16_t attempt_after_orphan(std::uint64_t request_id, const Session& session) const;
  void drop_orphan(const Job& job);
  bool has_orphans(std::uint64_t session) const;
  void cancel_at_locks(const Job& job, runtime::Outbox& outbox);
  void tell_locks_alive(Session& session, Time now, runtime::Outbox& outbox);
  void end_session(std::uint64_t number, bool bye, Time now, runtime::Outbox& outbox);
  /// Whether a sweep that is under way would hit the session.
  bool is_being_swept(std::uint64_t session) const;
  /// Whether one more hello may wait for that.
  bool may_hold(Time now);
  void admit_held(Time now, runtime::Outbox& outbox);
  void sweep(const protocol::Sweep& what, Time now, runtime::Outbox& outbox);
  void sweep_again_later(const protocol::Sweep& failed);

  void tick_sessions(Time now, runtime::Outbox& outbox);
  void tick_workers(Time now, runtime::Outbox& outbox);
  void tick_queue(Time now, runtime::Outbox& outbox);
  void tick_outboxes(Time now, runtime::Outbox& outbox);
  void tick_reads(Time now, runtime::Outbox& outbox);

  BrokerConfig config_;
  Sessions sessions_;
  Dispatch dispatch_;
  Outboxes outboxes_;
  BulkReads bulk_reads_;
  TroubleLog trouble_;
  std::unordered_map<std::uint64_t, Job> jobs_;
  /// Jobs that were at a worker when their session ended, by session and request id. A session that
  /// comes back and repeats such a request finds it here.
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> orphans_;
  /// Ended sessions whose last orphan has gone: what it left behind is still to be dropped.
  std::set<std::uint64_t> to_sweep_;
  /// Sessions that ended, the last one last.
  std::deque<std::uint64_t> ended_;
  /// Sweeps under way, by job, and the hellos of sessions that they would hit.
  std::map<std::uint64_t, protocol::Sweep> sweeps_;
  std::vector<runtime::Message> held_hellos_;
  /// A sweep that takes longer, or hangs with its worker, keeps nobody out.
  static constexpr Time hold_most{1'000};
  Time hold_until_ = runtime::never;
  /// The disk refused a sweep since the last look.
  bool sweep_failed_ = false;
  Time sweep_not_before_{};
  Time last_sweep_{};
  std::uint64_t last_job_ = 0;
  std::uint64_t last_worker_ = 0;
  Time started_ = runtime::never;
  bool swept_at_start_ = false;
  /// The log says that requests wait for a worker.
  bool told_no_worker_ = false;
  bool shutting_down_ = false;
  Time next_look_{};
  /// A ROUTER does not tell which peer has room again, so full ones are tried this often.
  static constexpr Time retry_pause{2};
  Time retry_at_ = runtime::never;
  /// When reads that wait for memory are looked at again.
  Time reads_at_ = runtime::never;
};

}  // namespace sluice::broker
