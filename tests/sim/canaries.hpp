// Deliberate faults of the server, to see that the checkers find them: a checker that catches
// nothing proves nothing. Each stands for a line that somebody might forget or get wrong, and is
// made by tampering with messages or with the disk between the real actors. Read on: server.hpp,
// main.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

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
  void lock_actor_sends(Message& message);
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

  World& world_;
  Machine& machine_;
  std::function<void(Message&&)> tell_locks_;
  std::map<Request, std::string> hidden_tokens_;
  std::map<std::uint64_t, std::uint64_t> true_requests_;
  std::uint64_t false_requests_ = 0;
  std::set<std::uint64_t> acknowledged_;
  std::set<std::uint64_t> acknowledging_;
  /// Gone with this object, so that nothing planned comes after its end.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::sim
