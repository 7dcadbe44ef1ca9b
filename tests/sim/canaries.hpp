// Deliberate faults of the server, to see that the checkers find them: a checker that catches
// nothing proves nothing. Each stands for a line that somebody might forget or get wrong, and is
// made by tampering with messages or with the disk between the real actors. Those of locks are in
// lock_canaries.cpp. Read on: server.hpp, main.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace sluice::sim {

struct Machine;

enum class Canary : std::uint8_t {
  none,
  /// A change under a token is let through without a look at the token.
  skip_check_at_commit,
  /// The tree is changed before the log is durable.
  publish_before_sync,
  /// Replay forgets that files were removed.
  replay_put_over_remove,
  /// Replay takes relaxed puts for full ones.
  trust_relaxed_puts,
  /// A repeated change is done again.
  answer_repeat_anew,
  /// A session is gone, but not its shared locks.
  forget_dead_readers_lock,
  /// A change is acknowledged when it is sent to the publisher.
  acknowledge_too_early,
  /// An upload's bytes are not synced before it is committed.
  forget_to_sync_upload,
  /// Numbers given before a restart are given again.
  reuse_numbers,
  /// Watchers do not hear of an event.
  lose_event,
  /// They hear of one twice.
  tell_event_twice,
  /// They are not told that a restart has forgotten something.
  hide_gap,
  /// The publisher does not look at `if_version` and `if_absent`.
  skip_condition,
  /// A lock ends after a quarter of the time that its client was told.
  expire_early,
  /// A lock lives on though nobody renews it.
  never_expire,
  /// The death of a worker takes somebody's lock with it.
  release_on_worker_death,
  /// A release is acknowledged, but the lock stays.
  forget_release,
  /// The locks of a session that says bye stay until their leases end.
  forget_bye,
  /// A tree lock is taken for one on the path alone.
  overlook_tree,
  /// Of a set of paths only the first is locked.
  grant_set_partly,
  /// Exclusive locks are taken for shared ones.
  exclusive_as_shared,
  /// The latest waiter is granted first.
  lose_queue_order,
  /// Shared locks are granted as long as there are any, whoever waits.
  readers_starve_writer,
  /// A waiter is forgotten.
  forget_waiter,
  /// A waiter is granted though its session died.
  grant_to_the_dead,
  /// A change without a lock goes through although somebody holds one.
  commit_despite_lock,
  /// A shared lock becomes exclusive whoever else shares it.
  upgrade_at_once,
  /// A named owner's lock ends with the session that asked for it.
  named_ends_with_session,
  /// After a restart nobody holds a lock.
  forget_journal,
};

/// All but `none`, with the names that the command line knows.
const std::map<std::string, Canary>& canaries();

/// One for each start of the server.
class Sabotage {
 public:
  /// `tell_locks` has the lock actor hear a message.
  Sabotage(World& world, Machine& machine, std::function<void(Message&&)> tell_locks)
      : world_(world), machine_(machine), tell_locks_(std::move(tell_locks)) {}

  /// Tampers with the disk before the server reads it.
  static void before_recovery(Machine& machine);
  static std::uint64_t first_number(const Machine& machine, std::uint64_t recovered);

  // False: the message is swallowed.
  bool lock_actor_hears(Message& message);
  bool lock_actor_sends(Message& message);
  void publisher_hears(Message& message);
  void publisher_sends(Message& message);

 private:
  using Request = std::pair<std::uint64_t, std::uint64_t>;
  bool is(Canary canary) const;
  void sings();
  void hide_token(Message& message);
  void show_token(Message& message);
  bool keep_reader(const Message& message);
  void keep_alive(std::uint64_t session, int times);
  void tell_watcher_wrong(Message& message);
  // lock_canaries.cpp
  bool lock_actor_hears_of_locks(Message& message);
  bool hears_acquire(Message& message);
  void make_renewal(Message& message, const std::string& token, protocol::Type answer);
  bool hold_back(Message& message);
  void let_through();
  void look_again();
  void renew_for_ever(const std::string& token);
  void tell_unheard(Message&& message);
  void release_any();
  void borrow_token(Message& message);
  template <class Body>
  void change_body(Message& message, const std::function<void(Body&)>& how);
  void lock_actor_sends_of_locks(Message& message);

  World& world_;
  Machine& machine_;
  std::function<void(Message&&)> tell_locks_;
  std::map<Request, std::string> hidden_tokens_;
  std::map<std::uint64_t, std::uint64_t> true_requests_;
  std::uint64_t false_requests_ = 0;
  std::set<std::uint64_t> acknowledged_;
  std::set<std::uint64_t> acknowledging_;
  /// Requests that are kept from the lock actor, in the order of arrival, and those that were.
  std::vector<Message> held_back_;
  std::set<Request> let_through_;
  /// Requests turned into renewals, and what their answers have to be.
  std::map<Request, protocol::Type> false_renewals_;
  /// Tokens given out.
  std::map<std::uint64_t, std::string> tokens_;
  bool looking_ = false;
  /// Gone with this object, so that nothing planned comes after its end.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

template <class Body>
void Sabotage::change_body(Message& message, const std::function<void(Body&)>& how) {
  auto body = protocol::decode<Body>(message.body);
  if (!body) return;
  how(*body);
  std::string changed = protocol::encode(*body);
  if (changed == message.body) return;
  sings();
  message.body = std::move(changed);
}

}  // namespace sluice::sim
