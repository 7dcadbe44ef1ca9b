// A thread that runs actors as runtime::Runner does: ticks first, then a batch of what has arrived,
// then `on_drained`. It can be slow, be stopped for a while, and die. Read on: link.hpp,
// server.hpp.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/sim/world.hpp"

namespace sluice::sim {

using runtime::Actor;
using runtime::Outbox;
using runtime::Port;

enum class Sent { done, full, gone };

class Host : public std::enable_shared_from_this<Host> {
 public:
  /// `busy_max`: how long a turn may take.
  Host(World& world, std::string name, Micros busy_max)
      : world_(world), name_(std::move(name)), busy_max_(busy_max) {}

  void add(Actor& actor) { actors_.push_back(&actor); }
  /// Connects two actors of this host.
  void link(Actor& a, Port a_port, Actor& b, Port b_port);
  /// Where messages to a port go; the function takes the message if it says `done`.
  void route(Actor& actor, Port port, std::function<Sent(Message&)> send);
  /// Begins to run.
  void start();

  /// A message has arrived.
  void arrive(Actor& actor, Message&& message);
  /// The actor's turn for what is no message.
  void call(Actor& actor, const std::function<void(Time, Outbox&)>& turn);
  void pause_until(Micros until);
  void die() { dead_ = true, inbox_.clear(); }
  bool dead() const { return dead_; }
  bool paused() const { return world_.now() < paused_until_; }
  const std::string& name() const { return name_; }

  /// The process was killed in the middle of a turn.
  std::function<void()> on_killed;
  /// What checkers see; canaries may change it, or swallow it (false).
  std::function<bool(Actor&, Message&)> on_received;
  std::function<bool(Actor&, Message&)> on_sent;
  /// After each turn.
  std::function<void()> on_turn;

 private:
  void schedule(Micros when);
  void schedule_next();
  void turn();
  void run_ticks();
  void take(Actor& actor, Message&& message);
  void run_local();
  void flush(Actor& actor);
  void send(Actor& actor, Message&& message);

  World& world_;
  std::string name_;
  Micros busy_max_;
  std::vector<Actor*> actors_;
  std::map<std::pair<Actor*, Port>, std::function<Sent(Message&)>> routes_;
  std::deque<std::pair<Actor*, Message>> inbox_;
  std::deque<std::pair<Actor*, Message>> local_;
  std::vector<Actor*> had_messages_;
  Outbox outbox_;
  bool dead_ = false;
  bool started_ = false;
  Micros paused_until_ = 0;
  Micros free_at_ = 0;
  Micros scheduled_ = -1;
  std::uint64_t schedule_number_ = 0;
};

}  // namespace sluice::sim
