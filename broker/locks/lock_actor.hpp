// The lock actor: owns the lock table and the counter of numbers, and decides of every change
// whether it may be published. A state machine without sockets and clock; shares the broker's
// thread. It grants nothing that conflicts with a commit between `Publish` and `Published`. Parts:
// lock_actor.cpp (switch, sessions, time), lock_requests.cpp (clients), lock_conversions.cpp
// (upgrade and downgrade), lock_deadlock.cpp, lock_durability.cpp (journal, restart),
// lock_commits.cpp (workers, publisher), lock_watches.cpp (events), describe.cpp (lists and
// sentences). Read on: lock_table.hpp for the rules, docs/architecture.md for one put.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/locks/leases.hpp"
#include "broker/locks/lock_journal.hpp"
#include "broker/locks/lock_table.hpp"
#include "broker/locks/number_supply.hpp"
#include "broker/locks/wait_graph.hpp"
#include "broker/locks/watch_log.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/commits.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/messages/workers.hpp"
#include "protocol/token.hpp"
#include "runtime/actor.hpp"
#include "runtime/secrets.hpp"

namespace sluice::broker::locks {

/// Whose grants wait until they are on the disk.
enum class LockDurability : std::uint8_t {
  /// All.
  full,
  /// Those of named owners, and those that live longer than the default lease.
  relaxed,
};

struct LockConfig {
  std::uint64_t epoch = 0;
  /// The first number to give out, and the last one that the log has reserved.
  std::uint64_t first_number = 1;
  std::uint64_t reserved_up_to = 0;
  /// Of sessions whose lease the broker has not told yet.
  std::uint32_t lease_ms = protocol::limits::lease_ms;
  LockDurability durability = LockDurability::full;
  /// The wall clock at Time{0}, in ms since 1970: by it the locks of named owners live on over a
  /// restart.
  std::uint64_t wall_ms_at_zero = 0;
};

class LockActor final : public runtime::Actor {
 public:
  /// Writes to the journal's files, from `end` on; nobody else may.
  LockActor(const LockConfig& config, storage::JournalFiles& journal, const JournalEnd& end,
            runtime::Secrets& secrets);

  /// Before the first message: holds what was held before a restart. `guard`: the journal may lack
  /// locks, so for one lease nothing is granted that could be in their way.
  void restore(const std::vector<JournaledLock>& held, bool guard, Time now);
  /// Called just before the publisher may move or remove a directory, and (`ended`) when that is
  /// done, or came to nothing. At once, as a message would come too late for who reads meanwhile.
  void on_tree_moves(std::function<void(bool ended)> hear) { tree_moves_ = std::move(hear); }
  /// After the last message, when the publisher's thread has ended.
  protocol::Result<void> stop_journal() { return journal_.stop(); }
  /// Makes the journal durable. Called by another thread, the publisher's.
  protocol::Result<void> sync_journal() { return journal_.sync_files(); }

  /// Port::broker: requests of clients, answered there; `SessionAlive`, `SessionEnded`,
  /// `WorkerKnown`, `WorkerGone`. Port::workers: `JoinLocks`, `Commit`. Port::publisher:
  /// `Published`, `ReserveNumbersReply`.
  void on_message(runtime::Message&& message, Time now, runtime::Outbox& outbox) override;
  void on_tick(Time now, runtime::Outbox& outbox) override;
  Time next_tick() const override;
  /// Writes down what was granted and given back, and answers it.
  void on_drained(Time now, runtime::Outbox& outbox) override;
  void on_undelivered(runtime::Message&& message, runtime::Undelivered why, Time now,
                      runtime::Outbox& outbox) override;

  /// How long an explicit request that does not want to wait waits all the same for commits under
  /// way.
  static constexpr Time commit_grace{2000};
  /// Expired and broken locks that are told apart from those that never were.
  static constexpr std::size_t lost_remembered = 1000;
  static constexpr std::size_t list_page = 500;
  /// The journal cannot be made durable any more: until a restart no lock is granted that has to
  /// wait for the disk.
  bool failed() const { return sync_failed_; }

 private:
  using Message = runtime::Message;
  using Outbox = runtime::Outbox;
  /// Session and request id: what makes a repeat a repeat.
  using RequestKey = std::pair<std::uint64_t, std::uint64_t>;
  struct RequestHash {
    std::size_t operator()(const RequestKey& key) const {
      return key.first ^ (key.second * 0x9e3779b97f4a7c15);
    }
  };

  /// Whom to answer.
  struct Asker {
    runtime::Peer peer;
    protocol::Header header;
    protocol::Stamp stamp;
  };
  enum class Ending : std::uint8_t { no, released, expired, broken };

  /// An explicit lock, held or waited for. Its claims are in the table under the same id.
  struct Lock {
    RequestKey key;
    Asker asker;
    /// Number 0 while it waits.
    protocol::Token token;
    std::uint32_t ttl_ms = 0;
    /// It came without wanting to wait.
    bool no_wait = false;
    /// To be made shared as soon as the changes under it are done.
    bool shared_when_done = false;
    /// The holder has been told, or holds it since before a restart.
    bool answered = false;
    /// Held since before a restart, and not renewed since.
    bool unconfirmed = false;
    /// Granted, or begun to wait.
    Time since{};
    /// Whom it belongs to; empty: the session.
    std::string owner;
    /// What watchers were told of the holder; the session's name is forgotten before it is told
    /// again.
    std::string holder;
    std::uint64_t agent = 0;
    /// The lock under which it was asked for, or 0.
    Id under = 0;
    /// The request that waits to make it exclusive, or 0.
    Id conversion = 0;
    /// Changes under its token that are at the publisher: until they are done the lock stays in the
    /// table.
    std::uint32_t commits_under_way = 0;
    Ending ending = Ending::no;
    /// It was taken from its holder, who must not find it held again after a power loss: until that
    /// is on the disk it stays in the table, too.
    bool end_awaits_disk = false;
  };

  /// What waits until the journal is written, or is on the disk.
  struct Held {
    enum class What : std::uint8_t {
      grant,
      upgrade,
      downgrade,
      /// Done already, and nothing to take back: a release, a renewal, a break.
      answer,
      /// The end of a lock, which leaves others' way; nobody is answered.
      end,
    };
    What what = What::answer;
    Id lock = 0;
    bool wait_for_disk = false;
    Message answer{};
  };
  using What = Held::What;

  /// A holder's wish to become exclusive, waiting.
  struct Conversion {
    RequestKey key;
    Asker asker;
    Id lock = 0;
    std::uint64_t agent = 0;
  };

  enum class Stage : std::uint8_t {
    asking,      ///< the publisher is asked whether it has an outcome of this request
    waiting,     ///< in the table's queue
    publishing,  ///< at the publisher
  };
  struct PendingCommit {
    RequestKey key;
    Asker asker;
    std::uint64_t worker = 0;
    /// Body and payload, until they go to the publisher.
    std::string body;
    protocol::Payload payload;
    protocol::Commit commit;
    std::vector<protocol::LockClaim> claims;
    Stage stage = Stage::asking;
    /// Drawn when it goes to the publisher.
    std::uint64_t number = 0;
    /// The publisher has said that it knows no outcome.
    bool asked = false;
    /// The log has failed over it: it may come about at the next start, until which everybody stays
    /// out of its way. Its body is then the answer.
    bool undecided = false;
    /// Not to be granted any more; answered when the publisher has said what it knows.
    bool cancelled = false;
    /// The lock under whose token it is published, or 0.
    Id under = 0;
    std::uint64_t agent = 0;
    /// It is being published, and moves or removes a directory.
    bool moves_tree = false;
    Time since{};
  };

  // Handlers, in the order of the switch.
  void on_acquire_lock(Message&& message, Time now, Outbox& outbox);
  void on_cancel(const Message& message, Time now, Outbox& outbox);
  void on_release_lock(const Message& message, Time now, Outbox& outbox);
  void on_renew_lock(const Message& message, Time now, Outbox& outbox);
  void on_list_locks(const Message& message, Time now, Outbox& outbox);
  void on_convert_lock(const Message& message, Time now, Outbox& outbox);
  void on_break_lock(const Message& message, Time now, Outbox& outbox);
  void on_watch(const Message& message, Time now, Outbox& outbox);
  void on_session_alive(const Message& message, Time now);
  void on_session_ended(const Message& message, Time now, Outbox& outbox);
  void on_worker_known(const Message& message);
  void on_worker_gone(const Message& message, Time now, Outbox& outbox);
  void on_join_locks(const Message& message, Time now, Outbox& outbox);
  void on_worker_heartbeat(const Message& message, Outbox& outbox);
  void on_commit(Message&& message, Time now, Outbox& outbox);
  void on_published(Message&& message, Time now, Outbox& outbox);
  void on_reserve_numbers_reply(const Message& message, Time now);
  void on_sync_locks_reply(const Message& message, Time now, Outbox& outbox);

  // Explicit locks.
  protocol::Result<void> check_limits(std::uint64_t session, std::size_t claims) const;
  protocol::Result<void> check_owner(const protocol::AcquireLock& request) const;
  void grant(Id id, Time now);
  void confirm(Id id, Time now);
  void refuse_lock(Id id, const protocol::Error& error, Time now, Outbox& outbox);
  void end_lock(Id id, Ending ending, Time now, Outbox& outbox);
  void remove_ended(Id id, Time now, Outbox& outbox);
  void remove_lock(Id id, Time now, Outbox& outbox);
  protocol::Result<Id> find_held(std::string_view token) const;
  bool is_being_released(std::string_view token) const;
  void remember_lost(std::uint64_t number, Ending ending);
  void leave_session(Id id);
  void tell_lost(const Lock& lock, Outbox& outbox);
  std::string name_of(const Lock& lock) const;

  // Durability.
  void write_down(Id id, Time now);
  bool waits_for_disk(const Lock& lock) const;
  template <protocol::Fields M>
  void answer_written(const Asker& asker, const M& body, Held&& held);
  void write_journal(Time now, Outbox& outbox);
  void ask_for_sync(Outbox& outbox);
  void release_held(Held&& held, const protocol::Error& failure, Time now, Outbox& outbox);
  void grant_written(Held&& held, protocol::Error error, Time now, Outbox& outbox);
  void upgrade_written(Held&& held, protocol::Error error, Time now, Outbox& outbox);
  std::optional<protocol::Error> ended_early(Id id) const;
  void end_written(Held&& held, const protocol::Error& failure, Time now, Outbox& outbox);
  void forget_unconfirmed(std::uint64_t session, Time now, Outbox& outbox);
  std::optional<JournaledLock> held_after(std::uint64_t number, Time now) const;
  void describe_for_journal(Id id, Time now, JournaledLock& journaled) const;

  // Conversions.
  protocol::Result<bool> may_upgrade(Id id, const protocol::ConvertLock& request, Time now) const;
  void downgrade(Id id, Time now, Outbox& outbox);
  void answer_upgrade(Id id, const Asker& asker, Time now);
  void finish_conversion(Id id, Time now, Outbox& outbox);
  void refuse_conversion(Id id, const protocol::Error& error, Time now, Outbox& outbox);

  // Deadlocks.
  class Waits;
  static Agent agent_of(Id id, const Lock& lock);
  std::vector<Agent> agents_of(Id id) const;
  void begin_waiting(Id id, Time deadline);
  void stop_waiting(Id id);
  void count_held(const Agent& agent, bool more);
  /// The circle in words, if the request that has begun to wait closes one.
  std::optional<protocol::Error> deadlock(Id id) const;
  std::string holder_name(Id id) const;

  // Commits.
  enum class Verdict : std::uint8_t { grant, wait };
  protocol::Result<Verdict> weigh(PendingCommit& commit, Time now) const;
  protocol::Result<Id> find_covering(const PendingCommit& commit) const;
  void decide(Id handle, Time now, Outbox& outbox);
  void ask_outcome(Id handle, Outbox& outbox);
  void queue_commit(Id handle, Time now, Outbox& outbox);
  void publish(Id handle, Outbox& outbox);
  void refuse_commit(Id handle, const protocol::Error& error, Time now, Outbox& outbox);
  void drop_commit(Id handle, Time now, Outbox& outbox);
  bool take_repeat(Message& message, std::uint64_t worker, const protocol::Commit& body,
                   const std::vector<protocol::LockClaim>& claims, Time now, Outbox& outbox);
  void answer_worker(const PendingCommit& commit, Message&& reply, Outbox& outbox);
  void drop_worker(std::uint64_t worker, Time now, Outbox& outbox);

  // Watches.
  void tell_locked(Id id);
  void tell_unlocked(Id id);
  void tell_converted(Id id);
  void tell_commit(const PendingCommit& commit, const Message& published);
  void tell_unnumbered(std::vector<protocol::WatchEvent>&& events);
  void tell_what_was_missed();
  std::vector<protocol::WatchEvent> lock_events(Id id, protocol::EventKind kind) const;
  void answer_watches(Outbox& outbox);
  void answer_watch(Id id, const protocol::WatchReply& answer, Outbox& outbox);
  bool end_watch_in_time(Id id, Outbox& outbox);
  void cancel_watches(const RequestKey& first, const RequestKey& last, const protocol::Error& error,
                      Outbox& outbox);
  void drop_watch(Id id);

  // Both.
  void stop_waiters_of(std::uint64_t session, std::string_view why, Time now, Outbox& outbox);
  void settle(std::vector<Id> granted, Time now, Outbox& outbox);
  void ask_for_numbers(Time now, Outbox& outbox);
  void notice_pause(Time now);
  std::string describe(Id blocker, Time now) const;
  std::string where_if_elsewhere(const Blocker& blocker) const;
  protocol::Error in_the_way(protocol::Code code, const Blocker& blocker, Time now) const;
  protocol::LockEntry entry(Id id, Time now) const;
  static Asker asker_of(const Message& message);
  static Message answer_to(const Asker& asker, std::string&& body);
  template <protocol::Fields M>
  static void reply(const Asker& asker, const M& body, Outbox& outbox);

  const std::uint64_t epoch_;
  runtime::Secrets& secrets_;
  /// How long nothing ends after nobody could be heard.
  const Time grace_;
  LockTable table_;
  Leases leases_;
  NumberSupply numbers_;
  /// The last id given to a lock or commit.
  Id last_id_ = 0;

  std::unordered_map<Id, Lock> locks_;
  std::map<std::uint64_t, Id> by_number_;
  std::unordered_map<RequestKey, Id, RequestHash> lock_requests_;
  /// Of each session: its locks, held and waited for, and the number of their claims.
  struct SessionLocks {
    std::set<Id> locks;
    std::size_t claims = 0;
  };
  std::unordered_map<std::uint64_t, SessionLocks> of_session_;
  std::size_t claims_in_all_ = 0;
  /// Locks and commits in the table's queue.
  std::size_t waiters_ = 0;
  /// What the table has granted and `settle` has not yet come to.
  std::deque<Id> granted_;
  bool settling_ = false;
  /// Locks that were taken from their holders, and how.
  std::unordered_map<std::uint64_t, Ending> lost_;
  std::deque<std::uint64_t> lost_order_;

  std::unordered_map<Id, Conversion> conversions_;
  std::map<RequestKey, Id> conversion_requests_;
  /// By what each agent waits, and how much it holds.
  std::unordered_map<Id, std::vector<Agent>> waiting_agents_;
  std::map<Agent, std::set<Id>> agent_waits_;
  std::map<Agent, std::size_t> agent_holds_;
  /// Claims of each named owner.
  std::unordered_map<std::string, std::size_t> of_owner_;

  std::function<void(bool ended)> tree_moves_;
  WatchLog watches_;
  /// Who waits for an event.
  struct Watcher {
    RequestKey key;
    Asker asker;
  };
  std::unordered_map<Id, Watcher> watchers_;
  std::map<RequestKey, Id> watch_requests_;
  /// There was no number for an event.
  bool events_missed_ = false;

  LockJournal journal_;
  const LockDurability durability_;
  const std::uint64_t wall_ms_at_zero_;
  /// Answers that wait for the next write, and by position for a sync.
  std::vector<Held> to_answer_;
  /// Memory for them while they are answered, and for a lock while it is written down.
  std::vector<Held> answering_;
  JournaledLock written_;
  std::map<std::uint64_t, std::vector<Held>> awaiting_sync_;
  bool sync_under_way_ = false;
  /// The journal cannot be made durable any more.
  /// Locks made shared, of which the journal does not know yet.
  std::set<Id> to_write_again_;
  /// The last write failed.
  bool journal_failing_ = false;
  bool sync_failed_ = false;
  /// Holds the whole tree after a power loss, and until when.
  Id guard_ = 0;
  Time guard_until_ = never;

  /// When the actor was last called.
  Time last_call_{};

  /// Ordered, so that everything happens in the order of arrival.
  std::map<Id, PendingCommit> commits_;
  std::map<RequestKey, Id> commit_requests_;
  std::set<std::uint64_t> known_workers_;
  /// Routing id to worker.
  std::map<std::string, std::uint64_t> joined_;

  /// Answers that a worker's queue had no room for, to be sent again.
  std::deque<Message> undelivered_;
  Time send_again_ = never;
};

template <protocol::Fields M>
void LockActor::reply(const Asker& asker, const M& body, Outbox& outbox) {
  Message message = answer_to(asker, protocol::encode(body));
  message.header.type = M::type;
  outbox.send(std::move(message));
}

// As `reply`, but when the journal is written.
template <protocol::Fields M>
void LockActor::answer_written(const Asker& asker, const M& body, Held&& held) {
  held.answer = answer_to(asker, protocol::encode(body));
  held.answer.header.type = M::type;
  to_answer_.push_back(std::move(held));
}

}  // namespace sluice::broker::locks
