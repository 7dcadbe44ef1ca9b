// What the session does with messages. A request goes from its lane's queue, when the window has
// room, into `sent_`, and leaves that when it is answered. The session's thread. Read on:
// client/session_time.cpp for all that time brings about, client/session_resume.cpp for restarts.
#include "client/session.hpp"

#include <algorithm>

#include "protocol/messages/locks.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Type;
using runtime::Message;
using runtime::Port;

namespace {

// The part of the window that is kept free for giving locks back.
std::size_t reserve_of(std::uint32_t window_requests) {
  return std::min<std::size_t>(16, window_requests / 4);
}

// Whether others may wait for what this does.
bool makes_way(const Message& request) {
  if (request.header.type == Type::release_lock) return true;
  if (request.header.type != Type::convert_lock) return false;
  const auto convert = protocol::decode<protocol::ConvertLock>(request.body);
  return convert && convert->shared;
}

constexpr Time last_retry{2'000};
constexpr Time bye_patience{500};

}  // namespace

Session::Session(SessionConfig config) : config_(std::move(config)) {}

void Session::on_message(Message&& message, Time now, Outbox& outbox) {
  set_clock(now);
  start(outbox);
  switch (message.peer.port) {
    case Port::application:
      switch (message.header.type) {
        case Type::cancel:
          on_cancel(message.stamp.job, outbox);
          break;
        case Type::bye:
          on_bye(std::move(message), outbox);
          break;
        default:
          on_request(std::move(message), outbox);
      }
      break;
    case Port::server:
      on_server(std::move(message), control_link_, outbox);
      break;
    case Port::server_bulk:
      on_server(std::move(message), bulk_link_, outbox);
      break;
    default:
      break;
  }
  plan_tick();
}

void Session::on_server(Message&& message, Link& link, Outbox& outbox) {
  link.heard(now_);
  traffic_.received(message);
  if (ended_ && message.header.type != Type::bye_reply) return;
  switch (message.header.type) {
    case Type::welcome:
      return on_welcome(message, link, outbox);
    case Type::pong:
      return on_pong(std::move(message), link, outbox);
    case Type::error:
      return on_error(std::move(message), link, outbox);
    case Type::lock_lost:
      return on_lock_lost(std::move(message), outbox);
    case Type::cancel_reply:
      return;
    case Type::bye_reply:
      if (bye_) answer(std::move(message), bye_->stamp.job, outbox);
      return bye_.reset();
    default:
      // Said again to the new one, whose word alone counts: it confirms what it grants.
      if (is_outdated(link)) return;
      if (sent_.contains(message.header.request_id)) link.answered(now_);
      return on_answer(std::move(message), outbox);
  }
}

// --- from the application ---

void Session::on_request(Message&& message, Outbox& outbox) {
  Request request;
  request.posted = now_;
  if (message.stamp.number > 0) {
    request.answer_by = now_ + Time(static_cast<Time::rep>(message.stamp.number));
    due_ = std::min(due_, *request.answer_by);
  }
  request.ids = std::max<std::uint64_t>(1, message.stamp.session);
  request.makes_way = makes_way(message);
  request.message = std::move(message);
  request.lane = lane_of(request);
  if (ended_) return answer_error(request, *refusal_, outbox);
  const Lane lane = request.lane;
  enqueue(std::move(request));
  need(link_of(lane), outbox);
  send_queued(outbox);
}

void Session::on_cancel(std::uint64_t job, Outbox& outbox) {
  const protocol::Error cancelled{Code::cancelled, {}, {}};
  for (auto& queue : queued_) {
    const auto found = std::find_if(queue.begin(), queue.end(), [&](const Request& request) {
      return request.message.stamp.job == job && !request.abandoned;
    });
    if (found == queue.end()) continue;
    answer_error(*found, cancelled, outbox);
    queue.erase(found);
    return;
  }
  const auto found = std::find_if(sent_.begin(), sent_.end(), [&](const auto& each) {
    return each.second.message.stamp.job == job && !each.second.abandoned;
  });
  if (found == sent_.end()) return;
  Request& request = found->second;
  if (request.refused_since && request.retry_at) {
    answer_error(request, cancelled, outbox);
    drop(found);
  } else if (control_link_.is_open() && link_of(request.lane).is_open()) {
    send_cancel(found->first, request, outbox);
  } else {
    request.cancel_at = now_;
    abandon(request, cancelled, outbox);
  }
}

void Session::on_bye(Message&& message, Outbox& outbox) {
  const bool say_it = !ended_ && control_link_.is_open();
  if (!ended_) end({Code::cancelled, {}, "the session was ended"}, outbox);
  if (!say_it)
    return answer(runtime::make_reply(message, protocol::ByeReply{}), message.stamp.job, outbox);
  send_on(control_link_, runtime::make_message({}, protocol::Bye{}, next_id()), outbox);
  bye_ = std::move(message);
  bye_until_ = now_ + bye_patience;
}

// --- from the server ---

void Session::on_welcome(const Message& message, Link& link, Outbox& outbox) {
  const auto welcome = protocol::decode<protocol::Welcome>(message.body);
  if (!welcome) {
    const bool newer = message.header.version > protocol::limits::version_max;
    return end({newer ? Code::version_mismatch : Code::bad_message, {}, welcome.error().detail},
               outbox);
  }
  if (welcome->version < protocol::limits::version_min ||
      welcome->version > protocol::limits::version_max)
    return end({Code::version_mismatch, {}, "the server chose another"}, outbox);
  const bool is_news = !link.is_open() || link.epoch() != welcome->epoch;
  if (welcome_ && welcome_->epoch != welcome->epoch)
    locks_.doubt();
  else if (!welcome->resumed)
    locks_.clear();
  else if (is_news && &link == &control_link_)
    locks_.ask_again();
  welcome_ = *welcome;
  reached_ = true;
  refusal_.reset();
  link.welcomed(welcome->epoch, is_news);
  if (const auto sent = link.sent_at(message.header.request_id))
    proven_wall_ = std::max(proven_wall_, *sent);
  answer(Message(message), 0, outbox);
  go_on(outbox);
  Link& other = &link == &control_link_ ? bulk_link_ : control_link_;
  if (other.is_open() && other.epoch() != welcome->epoch) greet(other, now_, outbox);
  if (!queued_[bulk].empty() || sent_in_lane_[bulk] > 0) need(bulk_link_, outbox);
  say_hellos(outbox);
  send_queued(outbox);
}

void Session::on_pong(Message&& message, const Link& link, Outbox& outbox) {
  if (sent_.contains(message.header.request_id)) return on_answer(std::move(message), outbox);
  const auto sent = link.sent_at(message.header.request_id);
  if (!sent) return;
  proven_wall_ = std::max(proven_wall_, *sent);
  answer(std::move(message), 0, outbox);
}

void Session::on_error(Message&& message, Link& link, Outbox& outbox) {
  auto reply = protocol::decode<protocol::ErrorReply>(message.body);
  if (!reply) {
    const bool newer = message.header.version > protocol::limits::version_max;
    if (newer) return end({Code::version_mismatch, {}, reply.error().detail}, outbox);
    return on_answer(std::move(message), outbox);
  }
  const protocol::Error error{reply->code, reply->path, reply->detail};
  const bool to_hello = link.state() == Link::State::greeting && link.hello_id() != 0 &&
                        link.hello_id() == message.header.request_id;
  if (error.code == Code::version_mismatch) return end(error, outbox);
  // Without an id: one of those under way arrived with a header that nobody can read, and it cannot
  // be told which. All are said again, as after a lost connection.
  const bool lost_one = error.code == Code::bad_message && message.header.request_id == 0;
  if (error.code == Code::hello_required || lost_one) return greet(link, now_, outbox);
  if (to_hello) return refuse_hello(error, outbox);
  const auto found = sent_.find(message.header.request_id);
  if (found != sent_.end() && put_off(found->second, error)) return;
  on_answer(std::move(message), outbox);
}

void Session::refuse_hello(const protocol::Error& error, Outbox& outbox) {
  const bool for_now = error.code == Code::overloaded || error.code == Code::shutting_down;
  if (!for_now) return end(error, outbox);
  refusal_ = error;
}

bool Session::put_off(Request& request, const protocol::Error& error) {
  if (!protocol::is_for_now(error.code)) return false;
  if (request.cancel_at || request.abandoned) return false;
  if (!request.refused_since) request.refused_since = now_;
  if (now_ - *request.refused_since >= config_.reconnect_limit) return false;
  request.retry_at =
      now_ + std::min(last_retry, first_retry * (1 << std::min(request.refusals, 5)));
  ++request.refusals;
  if (error.code == Code::overloaded && now_ - request.posted >= wait_told &&
      !std::exchange(told_waiting_, true) && config_.waiting)
    config_.waiting(error.detail.empty() ? "the server has no room for this now" : error.detail);
  return true;
}

void Session::on_answer(Message&& message, Outbox& outbox) {
  if (const auto question = locks_.answered(message.header.request_id))
    return on_confirmation(*question, message, outbox);
  const auto found = sent_.find(message.header.request_id);
  if (found == sent_.end()) return;
  Request& request = found->second;
  const Type asked = request.message.header.type;
  proven_wall_ = std::max(proven_wall_, request.first_sent_wall);
  if (request.refused_since) told_waiting_ = false;
  note_grant(request, message);
  if (was_done_before(request, message))
    message = runtime::make_reply(request.message, protocol::ReleaseLockReply{});
  const bool fits =
      message.header.type == Type::error || message.header.type == protocol::reply_to(asked);
  if (request.abandoned) {
    // The lock came after all; nobody wants it any more.
    const auto grant = protocol::decode<protocol::AcquireLockReply>(message.body);
    if (message.header.type == Type::acquire_lock_reply && grant) {
      Request release;
      release.message = runtime::make_message({}, protocol::ReleaseLock{grant->token});
      release.lane = control;
      release.posted = now_;
      release.abandoned = true;
      release.makes_way = true;
      enqueue(std::move(release));
    }
  } else if (!fits) {
    answer_error(request, {Code::bad_message, {}, "an answer of another kind"}, outbox);
  } else {
    answer(std::move(message), request.message.stamp.job, outbox);
  }
  drop(found);
  go_on(outbox);
}

// --- sending and answering ---

Session::Lane Session::lane_of(const Request& request) {
  if (request.makes_way) return control;
  switch (request.message.header.type) {
    case Type::get:
    case Type::get_many:
    case Type::read:
    case Type::read_leaves:
    case Type::put:
    case Type::put_many:
    case Type::write_chunk:
    case Type::write_reuse:
    case Type::write_status:
      return bulk;
    case Type::acquire_lock:
    case Type::convert_lock:
    case Type::watch:
      return locks;
    default:
      return control;
  }
}

void Session::need(Link& link, Outbox& outbox) {
  if (&link == &bulk_link_ && !control_link_.is_open()) return need(control_link_, outbox);
  if (link.state() == Link::State::closed) greet(link, now_, outbox);
}

void Session::enqueue(Request&& request) {
  auto& queue = queued_[request.lane];
  if (request.makes_way)
    queue.push_front(std::move(request));
  else
    queue.push_back(std::move(request));
}

void Session::send_queued(Outbox& outbox) {
  if (!welcome_ || ended_ || locks_.is_confirming()) return;
  for (const Lane lane : {control, locks, bulk}) {
    auto& queue = queued_[lane];
    while (!queue.empty() && link_of(lane).is_open() && has_room(queue.front())) {
      Request request = std::move(queue.front());
      queue.pop_front();
      send(std::move(request), outbox);
    }
  }
}

bool Session::has_room(const Request& request) const {
  const std::size_t window = std::max<std::size_t>(1, welcome_->window_requests);
  if (sent_.size() >= window - (request.makes_way ? 0 : reserve_of(welcome_->window_requests)))
    return false;
  // The server remembers so many outcomes: a repeat of the oldest must still find its own.
  const bool is_change = protocol::is_change(request.message.header.type);
  if (is_change && !open_changes_.empty() &&
      changes_sent_ + request.ids - *open_changes_.begin() >=
          protocol::limits::outcomes_per_session)
    return false;
  if (request.lane == locks && sent_in_lane_[locks] >= std::max<std::size_t>(1, window / 2))
    return false;
  return bytes_under_way_ == 0 || bytes_under_way_ + request.cost_bytes() <= welcome_->window_bytes;
}

// The first of them.
std::uint64_t Session::take_ids(std::uint64_t count) {
  const std::uint64_t first = last_id_ + 1;
  last_id_ += count;
  return first;
}

void Session::send(Request&& request, Outbox& outbox) {
  const std::uint64_t id = take_ids(request.ids);
  request.message.header.request_id = id;
  request.first_sent_wall = wall_;
  request.first_epoch = welcome_->epoch;
  if (protocol::is_change(request.message.header.type)) {
    request.change = changes_sent_ + 1;
    changes_sent_ += request.ids;
    open_changes_.insert(request.change);
  }
  ++sent_in_lane_[request.lane];
  bytes_under_way_ += request.cost_bytes();
  send_on(link_of(request.lane), request.message, outbox);
  sent_.emplace(id, std::move(request));
}

void Session::send_on(Link& link, Message message, Outbox& outbox) {
  message.peer = {link.port(), {}};
  message.stamp = {};
  link.sent(now_);
  traffic_.sent(message);
  outbox.send(std::move(message));
}

void Session::answer(Message&& message, std::uint64_t job, Outbox& outbox) {
  message.peer = {Port::application, {}};
  message.stamp = {0, job,
                   static_cast<std::uint64_t>(std::max<Time::rep>(0, proven_wall_.count()))};
  outbox.send(std::move(message));
}

void Session::answer_error(const Request& request, const protocol::Error& error, Outbox& outbox) {
  if (request.abandoned) return;
  answer(runtime::make_error(request.message, error), request.message.stamp.job, outbox);
}

void Session::abandon(Request& request, const protocol::Error& error, Outbox& outbox) {
  answer_error(request, error, outbox);
  request.abandoned = true;
}

void Session::fail_all(const protocol::Error& error, Outbox& outbox) {
  for (auto request = sent_.begin(); request != sent_.end(); request = drop(request))
    answer_error(request->second, error, outbox);
  for (auto& queue : queued_) {
    for (const Request& request : queue) answer_error(request, error, outbox);
    queue.clear();
  }
}

void Session::end(const protocol::Error& error, Outbox& outbox) {
  ended_ = true;
  refusal_ = error;
  fail_all(error, outbox);
}

Session::Sent::iterator Session::drop(Sent::iterator request) {
  note_release(request->second);
  --sent_in_lane_[request->second.lane];
  open_changes_.erase(request->second.change);
  bytes_under_way_ -= request->second.cost_bytes();
  return sent_.erase(request);
}

bool Session::is_on(const Request& request, const Link& link) const {
  return (request.lane == bulk) == (&link == &bulk_link_);
}

bool Session::owes_answer(const Link& link) const {
  if (&link == &bulk_link_) return sent_in_lane_[bulk] > 0;
  return sent_in_lane_[control] + sent_in_lane_[locks] > 0 || locks_.is_asking();
}

std::size_t Session::unanswered() const {
  std::size_t count = sent_.size();
  for (const auto& queue : queued_) count += queue.size();
  return count;
}

}  // namespace sluice::client
