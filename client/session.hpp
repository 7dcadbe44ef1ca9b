// The client's side of a session: says hello on both connections, gives requests their ids, keeps
// to the server's windows, and keeps every request until it is answered, over lost connections and
// restarts of the server. A plain state machine, also run by the simulator.
//
// The application posts its requests at Port::application: `stamp.job` is its own handle (never 0),
// `header` has type and credit_bytes, then body and payload; `stamp.number`, if it is not 0, is the
// time (ms) until it is answered `timed_out`; `stamp.session`, how many request ids it takes (0:
// one), each of which is a change if the request is one. Each is answered there exactly once, with
// the same `stamp.job`: by the server's answer or by an `ErrorReply`. To withdraw a request, post a
// `Cancel` with that request's handle as `stamp.job`; the request is still answered, the Cancel is
// not. `Bye` ends the session: what is unanswered is answered `cancelled`, and then the Bye with
// `ByeReply`.
//
// Besides, the application hears with `stamp.job` 0 what the session learns: every `Welcome` and
// every `Pong`; `LockLost` when the server says so, or does not know a lock any more after a
// restart; and `RenewLock` with the token of each lock that a restarted server has confirmed, which
// it is asked before anything else. In all that it hears, `stamp.number` is the latest time (of the
// clock that the session is driven by, ms) at which something was sent that the server has answered
// since: until then at least, the server has held the session for alive. Read on: client/link.hpp,
// client/connection.hpp.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "client/link.hpp"
#include "client/session_locks.hpp"
#include "client/traffic.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/session.hpp"
#include "runtime/actor.hpp"

namespace sluice::client {

struct SessionConfig {
  /// 16 unguessable bytes.
  std::string secret;
  std::string name;
  /// 0: the server's default.
  std::uint32_t lease_ms = 0;
  /// How long a request waits for a server that was never reached, or was given up.
  Time connect_timeout{protocol::limits::connect_timeout_ms};
  /// How long a server that went away is waited for.
  Time reconnect_limit{protocol::limits::reconnect_limit_ms};
  /// Told why the server puts off what has waited for a while (Options::waiting).
  std::function<void(const std::string& words)> waiting;
};

class Session final : public runtime::Actor {
 public:
  explicit Session(SessionConfig config);

  void on_message(runtime::Message&& message, Time now, runtime::Outbox& outbox) override;
  void on_tick(Time now, runtime::Outbox& outbox) override;
  Time next_tick() const override { return due_ == runtime::never ? due_ : due_ + frozen_; }

  /// Requests not answered yet, sent or not.
  std::size_t unanswered() const;
  /// Of both connections, what was said again included. Any thread.
  Traffic traffic() const { return traffic_.now(); }

 private:
  using Message = runtime::Message;
  using Outbox = runtime::Outbox;

  /// What queues behind what. Requests that wait for locks or events get but a part of the window,
  /// so that the release they wait for is never queued behind them.
  enum Lane : std::uint8_t { locks, control, bulk, lanes };

  struct Request {
    Message message;
    Lane lane{};
    Time posted{};
    Time first_sent_wall{};
    /// Refused for now (overloaded, shutting down): since when, why, and when to try again.
    std::optional<Time> refused_since;
    std::optional<Time> retry_at;
    /// When its time is over, if it has one.
    std::optional<Time> answer_by;
    int refusals = 0;
    /// Of the server that it was sent to first.
    std::uint64_t first_epoch = 0;
    /// How many request ids it takes.
    std::uint64_t ids = 1;
    /// The how manyth change of the session it is, or the first of its changes; 0 if it is none.
    std::uint64_t change = 0;
    /// To be withdrawn: when to say so next.
    std::optional<Time> cancel_at;
    /// Answered to the application already, but the server may yet do it: a lock that is granted
    /// after all is given back.
    bool abandoned = false;
    /// Said again over a new connection: the server may have done it already.
    bool repeated = false;
    /// Gives a lock back, or makes it shared: others may wait for that.
    bool makes_way = false;

    std::size_t cost_bytes() const { return message.payload.size() + message.header.credit_bytes; }
  };
  using Sent = std::map<std::uint64_t, Request>;
  static constexpr Time first_retry{100};
  /// What is put off for less is not worth a word.
  static constexpr Time wait_told{1'000};

  // from the application
  void on_request(Message&& message, Outbox& outbox);
  void on_cancel(std::uint64_t job, Outbox& outbox);
  void on_bye(Message&& message, Outbox& outbox);
  // from the server
  void on_server(Message&& message, Link& link, Outbox& outbox);
  void on_welcome(const Message& message, Link& link, Outbox& outbox);
  void on_pong(Message&& message, const Link& link, Outbox& outbox);
  void on_error(Message&& message, Link& link, Outbox& outbox);
  void on_answer(Message&& message, Outbox& outbox);
  void refuse_hello(const protocol::Error& error, Outbox& outbox);
  bool put_off(Request& request, const protocol::Error& error);
  /// Whether what was refused so is worth asking again soon.

  // time (session_time.cpp)
  void set_clock(Time now);
  void start(Outbox& outbox);
  void plan_tick();
  void say_hellos(Outbox& outbox);
  void say_pings(Outbox& outbox);
  void watch_silence(Link& link, Outbox& outbox);
  void try_again(Outbox& outbox);
  Time run_out(Outbox& outbox);
  void give_up(Link& link, Outbox& outbox);
  void say_hello(Link& link, Outbox& outbox);
  void greet(Link& link, Time since, Outbox& outbox);
  Time keepalive() const;
  bool is_busy() const;

  // sending and answering
  void need(Link& link, Outbox& outbox);
  void enqueue(Request&& request);
  void send_queued(Outbox& outbox);
  bool has_room(const Request& request) const;
  void send(Request&& request, Outbox& outbox);
  void send_on(Link& link, Message message, Outbox& outbox);
  void send_cancel(std::uint64_t id, Request& request, Outbox& outbox);
  void answer(Message&& message, std::uint64_t job, Outbox& outbox);
  void answer_error(const Request& request, const protocol::Error& error, Outbox& outbox);
  void abandon(Request& request, const protocol::Error& error, Outbox& outbox);
  void fail_all(const protocol::Error& error, Outbox& outbox);
  void end(const protocol::Error& error, Outbox& outbox);
  Sent::iterator drop(Sent::iterator request);

  // going on after a restart (session_resume.cpp)
  void on_lock_lost(Message&& message, Outbox& outbox);
  void on_confirmation(const SessionLocks::Question& question, const Message& message,
                       Outbox& outbox);
  void go_on(Outbox& outbox);
  void confirm_locks(Outbox& outbox);
  void ask_about(std::string token, bool last, Outbox& outbox);
  void repeat_all(Link& link, Outbox& outbox);
  void say_again(const Request& request, Link& link, Outbox& outbox);
  void note_grant(const Request& request, const Message& reply);
  void note_release(const Request& request);
  /// A release that was said again and finds no lock: as good as success.
  static bool was_done_before(const Request& request, const Message& reply);

  static Lane lane_of(const Request& request);
  Link& link_of(Lane lane) { return lane == bulk ? bulk_link_ : control_link_; }
  bool is_on(const Request& request, const Link& link) const;
  bool owes_answer(const Link& link) const;
  /// What comes over it was said by a server in whose place the session has found another one.
  bool is_outdated(const Link& link) const { return welcome_ && link.epoch() != welcome_->epoch; }
  std::uint64_t next_id() { return ++last_id_; }
  std::uint64_t take_ids(std::uint64_t count);

  SessionConfig config_;
  TrafficCount traffic_;
  /// `config_.waiting`, since something that was put off was answered.
  bool told_waiting_ = false;
  Link control_link_{runtime::Port::server, protocol::Connection::control};
  Link bulk_link_{runtime::Port::server_bulk, protocol::Connection::bulk};
  std::uint64_t last_id_ = 0;

  Sent sent_;
  std::array<std::deque<Request>, lanes> queued_;
  std::array<std::size_t, lanes> sent_in_lane_{};
  std::size_t bytes_under_way_ = 0;
  std::uint64_t changes_sent_ = 0;
  /// Those not answered yet.
  std::set<std::uint64_t> open_changes_;

  std::optional<protocol::Welcome> welcome_;
  /// Whether the server was reached since it was last given up.
  bool reached_ = false;
  /// The server's own reason for not welcoming us, for now or (`ended_`) for ever.
  std::optional<protocol::Error> refusal_;
  bool ended_ = false;
  std::optional<Message> bye_;
  Time bye_until_{};
  SessionLocks locks_;

  /// Time without the stretches in which this process did not run: those are no silence of the
  /// server's. `wall_` is the time as given; `proven_wall_` see above.
  Time now_{};
  Time wall_{};
  Time frozen_{};
  Time proven_wall_{};
  Time due_{};
  bool started_ = false;
};

}  // namespace sluice::client
