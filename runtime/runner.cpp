// The loop: wait, take what came (bounded, so that no socket starves another), let actors act on
// the batch, send what they want sent.
#include "runtime/runner.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace sluice::runtime {
namespace {

// Messages taken from one socket before the others get their turn.
constexpr int messages_a_turn = 256;
// Payloads that wait for the end of a turn.
constexpr std::size_t gathered_most_bytes = 1u << 20;
constexpr Time hoarders_pause{100};
constexpr Time suspects_pause{10};

}  // namespace

Time real_time() {
  return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
}

struct Runner::Door {
  Actor& actor;
  Port port;
  Socket socket;
  /// Whether all that was there was taken at the last turn.
  bool empty = true;
};

struct Runner::Route {
  Door* door = nullptr;
  Actor* actor = nullptr;
  Port as = Port::none;
  std::function<void(Message&&)> take;
};

Runner::Runner(Context& context)
    : context_(context), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  poller_.watch(wake_fd_, [this] { drain_mailbox(); });
}

Runner::~Runner() {
  close(wake_fd_);
}

protocol::Result<std::vector<std::string>> Runner::attach(Actor& actor, Port port,
                                                          const SocketConfig& config) {
  auto socket = Socket::open(context_, config);
  if (!socket) return tl::make_unexpected(socket.error());
  host(actor);
  guarded_ = guarded_ || config.unfinished_bytes > 0;
  Route& route = routes_[{&actor, port}];
  if (route.door != nullptr) {
    route.door->socket = std::move(*socket);
  } else {
    doors_.push_back(std::make_unique<Door>(Door{actor, port, std::move(*socket), true}));
    route.door = doors_.back().get();
  }
  poller_.watch(route.door->socket, [this, door = route.door] { drain(*door); });
  return route.door->socket.bound();
}

void Runner::link(Actor& a, Port a_port, Actor& b, Port b_port) {
  routes_[{&a, a_port}] = Route{nullptr, &b, b_port, {}};
  routes_[{&b, b_port}] = Route{nullptr, &a, a_port, {}};
  host(a);
  host(b);
}

void Runner::deliver_to(Actor& actor, Port port, std::function<void(Message&&)> take) {
  routes_[{&actor, port}].take = std::move(take);
  host(actor);
}

void Runner::watch(int fd, std::function<void()> readable) {
  poller_.watch(fd, std::move(readable));
}

void Runner::host(Actor& actor) {
  if (std::find(actors_.begin(), actors_.end(), &actor) == actors_.end()) actors_.push_back(&actor);
}

void Runner::call(Actor& actor, const std::function<void(Time, Outbox&)>& turn) {
  now_ = real_time();
  turn(now_, outbox_);
  flush(actor);
  run_local();
}

void Runner::post(Actor& actor, Message message) {
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_.emplace_back(&actor, std::move(message));
  }
  eventfd_write(wake_fd_, 1);
}

void Runner::stop() {
  stopping_ = true;
  eventfd_write(wake_fd_, 1);
}

void Runner::run(const std::function<bool()>& done) {
  while (!stopping_ && !(done && done())) {
    poller_.wait(until_next_tick());
    now_ = real_time();
    gathering_ = gathers_all_;
    // Ticks first: what ran out while nothing came must not be found alive by a message that came
    // later.
    run_ticks();
    poller_.call_ready();
    if (guarded_ && now_ >= next_hoarders_) {
      bool suspects = false;
      for (const auto& door : doors_)
        if (door->empty) suspects = door->socket.close_hoarders() || suspects;
      next_hoarders_ = now_ + (suspects ? suspects_pause : hoarders_pause);
    }
    run_local();
    run_drained();
  }
}

void Runner::drain(Door& door) {
  for (int i = 0; i < messages_a_turn; ++i) {
    Message message;
    const Socket::Received received = door.socket.receive(message);
    door.empty = received == Socket::Received::nothing;
    if (door.empty) return;
    message.peer.port = door.port;
    if (received == Socket::Received::malformed) {
      Message answer = make_error(message, {protocol::Code::bad_message, {}, "no such frames"});
      if (!message.peer.id.empty()) door.socket.send(answer);
      continue;
    }
    deliver(door.actor, std::move(message));
    if (gathered_bytes_ > gathered_most_bytes) send_gathered();
  }
}

void Runner::drain_mailbox() {
  eventfd_t count = 0;
  eventfd_read(wake_fd_, &count);
  std::vector<std::pair<Actor*, Message>> taken;
  {
    const std::lock_guard lock(mailbox_mutex_);
    taken.swap(mailbox_);
  }
  for (auto& [actor, message] : taken) deliver(*actor, std::move(message));
}

void Runner::deliver(Actor& actor, Message&& message) {
  actor.on_message(std::move(message), now_, outbox_);
  mark(actor);
  flush(actor);
}

void Runner::mark(Actor& actor) {
  if (std::find(had_messages_.begin(), had_messages_.end(), &actor) == had_messages_.end())
    had_messages_.push_back(&actor);
}

void Runner::flush(Actor& actor) {
  // `route` may come back here.
  std::vector<Message> taken = std::exchange(spare_, {});
  while (!outbox_.empty()) {
    outbox_.take(taken);
    for (Message& message : taken) route(actor, std::move(message));
    taken.clear();
  }
  spare_ = std::move(taken);
}

void Runner::route(Actor& actor, Message&& message) {
  const auto found = routes_.find({&actor, message.peer.port});
  if (found == routes_.end()) return;
  const Route& route = found->second;
  if (route.take) return route.take(std::move(message));
  if (route.actor != nullptr) {
    message.peer = {route.as, {}};
    local_.emplace_back(route.actor, std::move(message));
    return;
  }
  if (!gathering_) return send(actor, *route.door, std::move(message));
  gathered_bytes_ += message.payload.size();
  gathered_.push_back({&actor, route.door, std::move(message)});
}

void Runner::send(Actor& actor, Door& door, Message&& message) {
  switch (door.socket.send(message)) {
    case Socket::Sent::done:
      return;
    case Socket::Sent::full:
      return actor.on_undelivered(std::move(message), Undelivered::full, now_, outbox_);
    case Socket::Sent::gone:
      return actor.on_undelivered(std::move(message), Undelivered::gone, now_, outbox_);
  }
}

void Runner::run_local() {
  while (!local_.empty()) {
    auto [actor, message] = std::move(local_.front());
    local_.pop_front();
    deliver(*actor, std::move(message));
  }
}

// Answers to a batch go out in one go: libzmq's thread then finds all that one peer gets and sends
// it at once, where it would otherwise send each answer as soon as it is there.
void Runner::run_drained() {
  gathering_ = true;
  do {
    for (Actor* actor : std::exchange(had_messages_, {})) {
      actor->on_drained(now_, outbox_);
      flush(*actor);
    }
    run_local();
    if (had_messages_.empty()) send_gathered();
  } while (!had_messages_.empty());
  gathering_ = false;
}

void Runner::send_gathered() {
  for (std::size_t i = 0; i < gathered_.size(); ++i) {
    Outgoing& each = gathered_[i];
    Actor& actor = *each.actor;
    send(actor, *each.door, std::move(each.message));
    // What could not be sent may make the actor send something else.
    flush(actor);
  }
  gathered_.clear();
  gathered_bytes_ = 0;
  run_local();
}

void Runner::run_ticks() {
  for (Actor* actor : actors_) {
    if (actor->next_tick() > now_) continue;
    actor->on_tick(now_, outbox_);
    flush(*actor);
  }
  run_local();
}

Time Runner::until_next_tick() const {
  Time next = guarded_ ? next_hoarders_ : never;
  for (const Actor* actor : actors_) next = std::min(next, actor->next_tick());
  if (next == never) return Time(-1);
  return std::max(Time(0), next - real_time());
}

}  // namespace sluice::runtime
