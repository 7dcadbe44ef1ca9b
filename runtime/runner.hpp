// What makes actors run: one thread with its sockets, real time and a mailbox. A runner can host
// several actors; those that talk to each other all the time belong into one runner, since a
// wake-up on another core costs more than most of their work.
//
// A runner is set up by one thread and then run by one thread. Only `post` and `stop` may be called
// from any thread: this file's mailbox is the one place of the server where threads share something
// under a mutex. Read on: runtime/actor.hpp, broker/server.cpp (how the server is put together).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/poller.hpp"
#include "runtime/transport.hpp"

namespace sluice::runtime {

/// Monotonic time as actors see it.
Time real_time();

class Runner {
 public:
  explicit Runner(Context& context);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  /// What arrives at the socket goes to the actor as from `port`; what the actor sends to `port`
  /// goes out there. Gives the endpoints that were bound.
  protocol::Result<std::vector<std::string>> attach(Actor& actor, Port port,
                                                    const SocketConfig& config);
  /// Connects two actors of this runner: `a` calls `b` by `a_port`, `b` calls `a` by `b_port`.
  void link(Actor& a, Port a_port, Actor& b, Port b_port);
  /// What the actor sends to `port` is handed to a function, on the runner's thread.
  void deliver_to(Actor& actor, Port port, std::function<void(Message&&)> take);
  /// Calls a function on the runner's thread whenever the descriptor is readable.
  void watch(int fd, std::function<void()> readable);
  /// From here on all that a turn has to say goes out at its end, so that those it wakes are woken
  /// once. For actors whose work is short.
  void send_at_end_of_turn() { gathers_all_ = true; }
  /// Hosts an actor that needs no more than its ticks.
  void host(Actor& actor);

  /// The actor's turn on the runner's thread, for what is no message (start, shutdown). Before
  /// `run`, or from a function called by the runner.
  void call(Actor& actor, const std::function<void(Time, Outbox&)>& turn);

  /// Hands a message to an actor. Any thread.
  void post(Actor& actor, Message message);
  /// Makes `run` return. Any thread.
  void stop();

  /// Runs until `stop`, or until `done` (asked after every turn) says so.
  void run(const std::function<bool()>& done = {});

 private:
  struct Door;
  struct Route;
  void drain(Door& door);
  void drain_mailbox();
  void deliver(Actor& actor, Message&& message);
  void flush(Actor& actor);
  void route(Actor& actor, Message&& message);
  void send(Actor& actor, Door& door, Message&& message);
  void send_gathered();
  void run_local();
  void run_drained();
  void run_ticks();
  Time until_next_tick() const;
  void mark(Actor& actor);

  Context& context_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::map<std::pair<Actor*, Port>, Route> routes_;
  std::vector<Actor*> actors_;
  std::vector<Actor*> had_messages_;
  std::deque<std::pair<Actor*, Message>> local_;
  Poller poller_;
  Outbox outbox_;
  /// Memory for what is taken out of the outbox.
  std::vector<Message> spare_;
  /// What goes out at the end of the turn.
  struct Outgoing {
    Actor* actor;
    Door* door;
    Message message;
  };
  std::vector<Outgoing> gathered_;
  std::size_t gathered_bytes_ = 0;
  bool gathering_ = false;
  bool gathers_all_ = false;
  Time now_{};
  /// Whether a socket wants its connections looked at, and when that is due.
  bool guarded_ = false;
  Time next_hoarders_{};

  int wake_fd_ = -1;
  std::atomic<bool> stopping_ = false;
  std::mutex mailbox_mutex_;
  std::vector<std::pair<Actor*, Message>> mailbox_;
};

}  // namespace sluice::runtime
