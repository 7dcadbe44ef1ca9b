// Drives one actor message by message: tell it something from a peer, expect what it sends to a
// peer.
//   probe.tell(from, request, request_id, stamp);   auto got = probe.expect<Reply>(to);
//   probe.expect_silence();
// Time stands still until `advance`, which calls on_tick at each moment the actor asked for. Test
// threads only.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "protocol/types.hpp"
#include "runtime/actor.hpp"
#include "tests/support/catch.hpp"

namespace sluice::tests {

/// A message that was expected and came, with its body.
template <class M>
struct Received {
  runtime::Message message;
  M body;
};

class ActorProbe {
 public:
  explicit ActorProbe(runtime::Actor& actor, runtime::Time start = runtime::Time{1'000'000})
      : actor_(actor), now_(start) {}

  runtime::Time now() const { return now_; }

  /// Hands the actor a message that comes from `from`.
  template <protocol::Fields M>
  void tell(const runtime::Peer& from, const M& body, std::uint64_t request_id = 0,
            const protocol::Stamp& stamp = {}, std::uint16_t attempt = 0,
            protocol::Payload payload = {}) {
    runtime::Message message = runtime::make_message(from, body, request_id, stamp);
    message.header.attempt = attempt;
    message.payload = std::move(payload);
    tell(std::move(message));
  }
  void tell(runtime::Message&& message) {
    actor_.on_message(std::move(message), now_, outbox_);
    if (drain_after_each) actor_.on_drained(now_, outbox_);
    collect();
  }
  /// Says that all messages that waited have been handed over.
  void drained() {
    actor_.on_drained(now_, outbox_);
    collect();
  }
  /// Answers a message the actor has sent, as the one it was sent to.
  template <protocol::Fields M>
  void answer(const runtime::Message& sent, const M& body) {
    tell(runtime::make_reply(sent, body));
  }
  void undelivered(runtime::Message&& message, runtime::Undelivered why) {
    actor_.on_undelivered(std::move(message), why, now_, outbox_);
    collect();
  }

  /// Lets time pass; the actor is called at every moment it asked for on the way.
  void advance(runtime::Time by) {
    const runtime::Time end = now_ + by;
    for (int calls = 0; actor_.next_tick() <= end; ++calls) {
      if (calls == 100'000) FAIL("the actor asks for a tick again and again");
      now_ = std::max(now_, actor_.next_tick());
      actor_.on_tick(now_, outbox_);
      collect();
    }
    now_ = end;
  }

  /// Lets time pass in which the actor is not called, as if its process was stopped.
  void stand_still(runtime::Time by) { now_ += by; }

  /// The oldest message not yet expected that goes to `to`; fails unless it is an M that decodes.
  template <protocol::Fields M>
  Received<M> expect(const runtime::Peer& to) {
    runtime::Message message = take(to, M::type);
    auto body = protocol::decode<M>(message.body);
    if (!body) FAIL(name(M::type) << " does not decode: " << body.error().detail);
    return {std::move(message), std::move(*body)};
  }
  Received<protocol::ErrorReply> expect_error(const runtime::Peer& to, protocol::Code code) {
    auto error = expect<protocol::ErrorReply>(to);
    INFO(error.body.path << ": " << error.body.detail);
    CHECK(name(error.body.code) == name(code));
    return error;
  }
  /// Nothing was sent that was not expected.
  void expect_silence() {
    for (const auto& message : sent_)
      FAIL_CHECK("unexpected " << name(message.header.type) << " to '" << message.peer.id << "' "
                               << shown(message));
    sent_.clear();
  }
  std::size_t unexpected() const { return sent_.size(); }
  /// Sees what is sent first; what it takes (true) is not among that to be expected.
  std::function<bool(runtime::Message&)> intercept;
  /// Every message is the last of a batch.
  bool drain_after_each = false;

 private:
  runtime::Message take(const runtime::Peer& to, protocol::Type type) {
    const auto found = std::find_if(sent_.begin(), sent_.end(),
                                    [&](const auto& message) { return message.peer == to; });
    if (found == sent_.end()) FAIL("expected " << name(type) << ", but nothing was sent there");
    if (found->header.type != type)
      FAIL("expected " << name(type) << ", got " << name(found->header.type) << shown(*found));
    runtime::Message message = std::move(*found);
    sent_.erase(found);
    return message;
  }
  static std::string shown(const runtime::Message& message) {
    if (message.header.type != protocol::Type::error) return "";
    const auto error = protocol::decode<protocol::ErrorReply>(message.body);
    if (!error) return " (does not decode)";
    return " " + std::string(name(error->code)) + " (" + error->detail + ")";
  }
  void collect() {
    for (auto& message : outbox_.take()) {
      if (!intercept || !intercept(message)) sent_.push_back(std::move(message));
    }
  }

  runtime::Actor& actor_;
  runtime::Time now_;
  runtime::Outbox outbox_;
  std::deque<runtime::Message> sent_;
};

}  // namespace sluice::tests
