// One of a session's two connections as the session sees it: whether the server knows it, when it
// was last heard, what is unanswered on it. Plain state with rules about time; sends nothing. Used
// by the session's thread. Read on: client/session.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "runtime/actor.hpp"

namespace sluice::client {

using runtime::Time;

/// While the server owes an answer, it is asked for a sign of life this often.
inline constexpr Time ping_interval{1'000};
/// A connection that owes an answer and is silent for so long is taken for broken.
inline constexpr Time silence_limit{2'500};

class Link {
 public:
  enum class State {
    closed,    ///< not in use
    greeting,  ///< hello is to be said, or said and not answered
    open,      ///< welcomed
  };

  Link(runtime::Port port, protocol::Connection kind) : port_(port), kind_(kind) {}

  runtime::Port port() const { return port_; }
  protocol::Connection kind() const { return kind_; }
  State state() const { return state_; }
  bool is_open() const { return state_ == State::open; }

  /// Hello is to be said, from `since` on (when the trouble began) at the latest at `now`.
  void greet(Time since, Time now);
  /// Whether hello is due; `said_hello` sets when it will be due again.
  bool hello_due(Time now) const { return state_ == State::greeting && now >= hello_at_; }
  void said_hello(std::uint64_t id, Time now, Time wall);
  /// `is_news`: what is unanswered has to be sent again.
  void welcomed(std::uint64_t epoch, bool is_news);
  /// Whether it has; once.
  bool take_repeats() { return std::exchange(repeats_due_, false); }
  void close();

  void sent(Time now);
  void heard(Time now);
  /// A request on it: while that goes on, it is slow and not gone, and hello waits behind bulk.
  void answered(Time now);

  /// Whether the server owes an answer and has been silent for too long. What is under way in bulk
  /// gets time by its size, if the other connection shows that the server lives.
  bool is_broken(Time now, std::size_t bytes_under_way, bool server_lives) const;
  /// The silence has been acted upon; the next one is borne longer.
  void lost_patience() { patience_ = patience_ < 8 ? patience_ * 2 : patience_; }
  bool ping_due(Time now) const;
  void said_ping(std::uint64_t id, Time now, Time wall);

  /// Since when the server has owed an answer, or `now`.
  Time owed_since(Time now) const { return owed_since_.value_or(now); }
  /// Or since a request was answered all the same.
  Time greeting_since() const { return greeting_since_; }
  Time last_sent() const { return last_sent_; }
  std::uint64_t hello_id() const { return hello_id_; }
  std::uint64_t epoch() const { return epoch_; }
  bool owes() const { return owed_since_.has_value(); }
  /// When the last hello or ping was sent (in unadjusted time), if it has this id.
  std::optional<Time> sent_at(std::uint64_t id) const;

 private:
  runtime::Port port_;
  protocol::Connection kind_;
  State state_ = State::closed;
  std::uint64_t epoch_ = 0;
  std::uint64_t hello_id_ = 0;
  std::uint64_t ping_id_ = 0;
  int patience_ = 1;
  bool repeats_due_ = false;
  Time greeting_since_{};
  Time hello_at_{};
  Time last_hello_ = Time::min();
  Time hello_pause_{};
  Time last_sent_{};
  Time last_heard_{};
  Time last_ping_{};
  Time hello_wall_{};
  Time ping_wall_{};
  std::optional<Time> owed_since_;
};

}  // namespace sluice::client
