// See host.hpp; the turn follows runtime/runner.cpp.
#include "tests/sim/host.hpp"

#include <algorithm>

namespace sluice::sim {

void Host::link(Actor& a, Port a_port, Actor& b, Port b_port) {
  const auto to = [this](Actor& actor, Port port) {
    return [this, &actor, port](Message& message) {
      message.peer = {port, {}};
      local_.emplace_back(&actor, std::move(message));
      return Sent::done;
    };
  };
  route(a, a_port, to(b, b_port));
  route(b, b_port, to(a, a_port));
}

void Host::route(Actor& actor, Port port, std::function<Sent(Message&)> send) {
  routes_[{&actor, port}] = std::move(send);
}

void Host::start() {
  started_ = true;
  schedule(world_.now() + world_.delay(0, ms));
}

void Host::arrive(Actor& actor, Message&& message) {
  if (dead_) return;
  inbox_.emplace_back(&actor, std::move(message));
  schedule(std::max(free_at_, world_.now() + world_.delay(5, 50)));
}

void Host::call(Actor& actor, const std::function<void(Time, Outbox&)>& turn) {
  turn(world_.time(), outbox_);
  flush(actor);
  run_local();
  schedule_next();
}

void Host::pause_until(Micros until) {
  paused_until_ = std::max(paused_until_, until);
  schedule(paused_until_);
}

void Host::schedule(Micros when) {
  if (!started_ || dead_ || (scheduled_ >= 0 && scheduled_ <= when)) return;
  scheduled_ = when;
  world_.at(when, [self = weak_from_this(), number = ++schedule_number_] {
    const auto host = self.lock();
    if (host && !host->dead_ && host->schedule_number_ == number) host->turn();
  });
}

void Host::schedule_next() {
  if (!inbox_.empty()) return schedule(std::max(free_at_, world_.now() + 1));
  Time next = runtime::never;
  for (const Actor* actor : actors_) next = std::min(next, actor->next_tick());
  if (next == runtime::never) return;
  // A tick that is due already is not due again before a little time has passed.
  schedule(std::max({free_at_, world_.now() + 100, Micros{next.count()} * ms}));
}

void Host::turn() {
  scheduled_ = -1;
  if (paused()) return schedule(paused_until_);
  try {
    run_ticks();
    for (std::uint64_t batch = 1 + world_.pick(24); batch > 0 && !inbox_.empty(); --batch) {
      auto [actor, message] = std::move(inbox_.front());
      inbox_.pop_front();
      take(*actor, std::move(message));
    }
    run_local();
    while (!had_messages_.empty()) {
      for (Actor* actor : std::exchange(had_messages_, {})) {
        actor->on_drained(world_.time(), outbox_);
        flush(*actor);
      }
      run_local();
    }
  } catch (const testing::Killed&) {
    world_.trace("{} is killed in the middle of its work", name_);
    die();
    if (on_killed) on_killed();
    return;
  }
  free_at_ = world_.now() + world_.delay(0, busy_max_);
  if (on_turn) on_turn();
  schedule_next();
}

void Host::run_ticks() {
  for (Actor* actor : actors_) {
    if (actor->next_tick() > world_.time()) continue;
    actor->on_tick(world_.time(), outbox_);
    flush(*actor);
  }
  run_local();
}

void Host::take(Actor& actor, Message&& message) {
  if (on_received && !on_received(actor, message)) return;
  world_.trace("{:<10} <- {}", name_, describe(message));
  actor.on_message(std::move(message), world_.time(), outbox_);
  if (std::find(had_messages_.begin(), had_messages_.end(), &actor) == had_messages_.end())
    had_messages_.push_back(&actor);
  flush(actor);
}

void Host::run_local() {
  while (!local_.empty()) {
    auto [actor, message] = std::move(local_.front());
    local_.pop_front();
    take(*actor, std::move(message));
  }
}

void Host::flush(Actor& actor) {
  while (!outbox_.empty())
    for (Message& message : outbox_.take()) send(actor, std::move(message));
}

void Host::send(Actor& actor, Message&& message) {
  const auto found = routes_.find({&actor, message.peer.port});
  if (found == routes_.end()) return;
  if (on_sent && !on_sent(actor, message)) return;
  switch (found->second(message)) {
    case Sent::done:
      return;
    case Sent::full:
      world_.trace("{:<10} peer full: {}", name_, describe(message));
      return actor.on_undelivered(std::move(message), runtime::Undelivered::full, world_.time(),
                                  outbox_);
    case Sent::gone:
      world_.trace("{:<10} peer gone: {}", name_, describe(message));
      return actor.on_undelivered(std::move(message), runtime::Undelivered::gone, world_.time(),
                                  outbox_);
  }
}

}  // namespace sluice::sim
