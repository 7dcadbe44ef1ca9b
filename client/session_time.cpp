// The session's rules about time: hellos, heartbeats, what silence means, when to try again and
// when to give up. One tick looks at all of them; while anything is unanswered it comes five times
// a second, otherwise only for heartbeats. The session's thread. Read on: client/session.hpp.
#include <algorithm>

#include "client/session.hpp"

namespace sluice::client {
namespace {

constexpr Time busy_tick{200};
constexpr Time cancel_interval{1'000};
constexpr Time keepalive_min{50};
// A tick that comes so late was not waited for by a running process.
constexpr Time late_tick{1'000};

}  // namespace

void Session::on_tick(Time now, Outbox& outbox) {
  set_clock(now);
  start(outbox);
  watch_silence(control_link_, outbox);
  watch_silence(bulk_link_, outbox);
  say_hellos(outbox);
  say_pings(outbox);
  try_again(outbox);
  give_up(control_link_, outbox);
  give_up(bulk_link_, outbox);
  if (bye_ && now_ >= bye_until_) {
    answer(runtime::make_reply(*bye_, protocol::ByeReply{}), bye_->stamp.job, outbox);
    bye_.reset();
  }
  due_ = run_out(outbox);
  plan_tick();
}

void Session::set_clock(Time now) {
  if (started_ && due_ != runtime::never && now > next_tick() + late_tick)
    frozen_ += now - next_tick();
  wall_ = now;
  now_ = now - frozen_;
}

void Session::plan_tick() {
  if (is_busy()) due_ = std::min(due_, now_ + busy_tick);
  if (!ended_ && control_link_.is_open())
    due_ = std::min(due_, std::max(now_, control_link_.last_sent() + keepalive()));
}

bool Session::is_busy() const {
  if (bye_) return true;
  if (ended_) return false;
  return unanswered() > 0 || locks_.is_confirming() || control_link_.owes() ||
         control_link_.state() == Link::State::greeting ||
         bulk_link_.state() == Link::State::greeting;
}

Time Session::keepalive() const {
  const Time lease(welcome_ ? welcome_->lease_ms : protocol::limits::lease_ms);
  return std::max(std::min(lease, locks_.shortest_ttl()) / 3, keepalive_min);
}

void Session::start(Outbox& outbox) {
  if (std::exchange(started_, true)) return;
  due_ = runtime::never;
  need(control_link_, outbox);
}

void Session::watch_silence(Link& link, Outbox& outbox) {
  const bool is_bulk = &link == &bulk_link_;
  const bool server_lives = is_bulk && control_link_.is_open();
  if (link.is_broken(now_, is_bulk ? bytes_under_way_ : 0, server_lives)) {
    link.lost_patience();
    greet(link, link.owed_since(now_), outbox);
  }
  if (link.state() != Link::State::greeting || now_ - link.greeting_since() < silence_limit) return;
  // Whoever wants out need not wait for a server that may never come back.
  for (auto& [id, request] : sent_)
    if (request.cancel_at && !request.abandoned && (is_on(request, link) || !is_bulk))
      abandon(request, {protocol::Code::cancelled, {}, {}}, outbox);
}

void Session::greet(Link& link, Time since, Outbox& outbox) {
  link.greet(since, now_);
  say_hellos(outbox);
}

void Session::say_hellos(Outbox& outbox) {
  if (ended_) return;
  if (control_link_.hello_due(now_)) say_hello(control_link_, outbox);
  if (control_link_.is_open() && bulk_link_.hello_due(now_)) say_hello(bulk_link_, outbox);
}

void Session::say_hello(Link& link, Outbox& outbox) {
  protocol::Hello hello;
  hello.version_min = protocol::limits::version_min;
  hello.version_max = protocol::limits::version_max;
  hello.secret = config_.secret;
  hello.connection = link.kind();
  hello.name = config_.name;
  hello.lease_ms = config_.lease_ms;
  const std::uint64_t id = next_id();
  link.said_hello(id, now_, wall_);
  send_on(link, runtime::make_message({}, hello, id), outbox);
}

void Session::say_pings(Outbox& outbox) {
  if (ended_) return;
  for (Link* link : {&control_link_, &bulk_link_}) {
    const bool keep =
        link == &control_link_ && link->is_open() && now_ - link->last_sent() >= keepalive();
    if (!keep && !(owes_answer(*link) && link->ping_due(now_))) continue;
    const std::uint64_t id = next_id();
    link->said_ping(id, now_, wall_);
    send_on(*link, runtime::make_message({}, protocol::Ping{}, id), outbox);
  }
}

void Session::try_again(Outbox& outbox) {
  if (locks_.is_confirming()) go_on(outbox);
  for (auto& [id, request] : sent_) {
    Link& link = link_of(request.lane);
    if (request.retry_at && !locks_.is_confirming() && now_ >= *request.retry_at &&
        link.is_open()) {
      request.retry_at.reset();
      say_again(request, link, outbox);
    }
    if (request.cancel_at && now_ >= *request.cancel_at && control_link_.is_open())
      send_cancel(id, request, outbox);
  }
}

// Gives the time of the next one to run out.
Time Session::run_out(Outbox& outbox) {
  const protocol::Error timed_out{protocol::Code::timed_out, {}, {}};
  Time next = runtime::never;
  const auto is_over = [&](const Request& request) {
    if (!request.answer_by || request.abandoned) return false;
    if (now_ >= *request.answer_by) return true;
    next = std::min(next, *request.answer_by);
    return false;
  };
  for (auto each = sent_.begin(); each != sent_.end();) {
    Request& request = each->second;
    if (!is_over(request)) {
      ++each;
    } else if (request.retry_at) {
      answer_error(request, timed_out, outbox);
      each = drop(each);
    } else {
      abandon(request, timed_out, outbox);
      request.cancel_at = now_;
      if (control_link_.is_open()) send_cancel(each->first, request, outbox);
      ++each;
    }
  }
  for (auto& queue : queued_)
    std::erase_if(queue, [&](const Request& request) {
      if (!is_over(request)) return false;
      answer_error(request, timed_out, outbox);
      note_release(request);
      return true;
    });
  return next;
}

void Session::send_cancel(std::uint64_t id, Request& request, Outbox& outbox) {
  // Said again until the request is answered: a cancel may overtake what it cancels.
  request.cancel_at = now_ + cancel_interval;
  send_on(control_link_, runtime::make_message({}, protocol::Cancel{id}, next_id()), outbox);
}

void Session::give_up(Link& link, Outbox& outbox) {
  if (link.state() != Link::State::greeting) return;
  const Time limit = reached_ ? config_.reconnect_limit : config_.connect_timeout;
  if (now_ - link.greeting_since() < limit) return;
  const protocol::Error error =
      refusal_.value_or(protocol::Error{protocol::Code::unreachable, {}, {}});
  const bool all = &link == &control_link_;
  bool some_left = false;
  // Who has only just asked is given the time of a first connection.
  const auto is_over = [&](const Request& request) {
    if (!all && request.lane != bulk) return false;
    const bool over = now_ - request.posted >= config_.connect_timeout;
    some_left |= !over;
    return over;
  };
  for (auto request = sent_.begin(); request != sent_.end();) {
    if (!is_over(request->second)) {
      ++request;
      continue;
    }
    answer_error(request->second, error, outbox);
    request = drop(request);
  }
  for (auto& queue : queued_)
    for (auto request = queue.begin(); request != queue.end();) {
      if (!is_over(*request)) {
        ++request;
        continue;
      }
      answer_error(*request, error, outbox);
      note_release(*request);
      request = queue.erase(request);
    }
  if (some_left) return;
  link.close();
  if (!all) return;
  bulk_link_.close();
  reached_ = false;
  refusal_.reset();
}

}  // namespace sluice::client
