// The form of every actor: a state machine that gets messages and the time, and puts messages into
// an outbox. It touches no socket, clock, thread or random source, so the runner and the simulator
// drive it alike. An actor is used by one thread at a time and needs no lock. Read on:
// runtime/runner.hpp, tests/sim/.
#pragma once

#include <chrono>
#include <vector>

#include "runtime/message.hpp"

namespace sluice::runtime {

/// Time since some fixed start; only differences mean anything.
using Time = std::chrono::milliseconds;
inline constexpr Time never = Time::max();

/// What an actor wants sent, in order. Whoever drives the actor takes it out after each call.
class Outbox {
 public:
  void send(Message&& message) { messages_.push_back(std::move(message)); }
  std::vector<Message> take() { return std::exchange(messages_, {}); }
  /// As `take`, into an empty vector, whose memory is used for what is sent next.
  void take(std::vector<Message>& taken) { messages_.swap(taken); }
  bool empty() const { return messages_.empty(); }

 private:
  std::vector<Message> messages_;
};

/// Why the driver gave a message back.
enum class Undelivered {
  full,  ///< the peer does not read; try again later
  gone,  ///< nobody is there under this routing id
};

class Actor {
 public:
  virtual ~Actor() = default;
  virtual void on_message(Message&& message, Time now, Outbox& outbox) = 0;
  /// Called when `next_tick()` has come.
  virtual void on_tick(Time now, Outbox& outbox) = 0;
  /// When `on_tick` is to be called next; `never` if nothing is due.
  virtual Time next_tick() const = 0;
  /// All messages that waited have been handed over: the moment to act on a batch of them.
  virtual void on_drained(Time now, Outbox& outbox) { (void)now, (void)outbox; }
  /// A message to a ROUTER's peer that could not be sent.
  virtual void on_undelivered(Message&& message, Undelivered why, Time now, Outbox& outbox) {
    (void)message, (void)why, (void)now, (void)outbox;
  }
};

}  // namespace sluice::runtime
