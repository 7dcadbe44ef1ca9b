// Messages in the order of their ports: clients, workers, lock actor; then what they share.
// Time (leases, silence, shutdown) is in broker_time.cpp.
#include "broker/broker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "protocol/limits.hpp"
#include "protocol/messages/commits.hpp"
#include "runtime/secrets.hpp"

namespace sluice::broker {

using protocol::Code;
using protocol::Type;
using runtime::make_error;
using runtime::make_message;
using runtime::make_reply;
using runtime::Message;
using runtime::Outbox;
using runtime::Port;
namespace limits = protocol::limits;

namespace {

constexpr std::size_t secret_bytes = 16;
constexpr std::size_t session_name_bytes = 128;
// Sessions that are swept once more when a worker comes back, and that may come back themselves.
constexpr std::size_t ended_remembered = limits::sessions;
// A job that killed so many workers will kill the next one too.
constexpr std::uint16_t losses_most = 5;

// The client hears it and does not ask again under the same id.
bool is_final_refusal(const Message& reply) {
  if (reply.header.type != Type::error) return false;
  const auto error = protocol::decode<protocol::ErrorReply>(reply.body);
  return error && !protocol::is_for_now(error->code);
}

}  // namespace

void Broker::on_message(Message&& message, Time now, Outbox& outbox) {
  if (started_ == runtime::never) started_ = now;
  const std::size_t sweeps = sweeps_.size();
  switch (message.peer.port) {
    case Port::clients:
      return from_client(std::move(message), now, outbox);
    case Port::workers:
      from_worker(std::move(message), now, outbox);
      break;
    case Port::locks:
      return from_locks(std::move(message), now, outbox);
    default:
      return;
  }
  if (sweeps_.size() < sweeps) admit_held(now, outbox);
}

// --- from clients ---

void Broker::from_client(Message&& message, Time now, Outbox& outbox) {
  message.stamp = {};
  message.header.attempt = 0;
  if (message.header.version < limits::version_min || message.header.version > limits::version_max)
    return outbox.send(
        make_error(message, {Code::version_mismatch, {}, "this server speaks protocol version 1"}));
  if (message.header.type == Type::hello) return on_hello(std::move(message), now, outbox);
  const auto found = sessions_.by_peer(message.peer.id);
  if (!found) return outbox.send(make_error(message, {Code::hello_required, {}, {}}));
  Session& session = *found->session;
  session.last_seen = now;
  // A request about locks is a sign of life by itself.
  if (!protocol::is_lock_request(message.header.type)) tell_locks_alive(session, now, outbox);
  switch (message.header.type) {
    case Type::ping:
      return on_ping(message, outbox);
    case Type::bye:
      return on_bye(message, session, now, outbox);
    case Type::cancel:
      return on_cancel(message, session, outbox);
    case Type::stat:
    case Type::list:
    case Type::get:
    case Type::get_many:
    case Type::read:
    case Type::read_end:
    case Type::read_leaves:
    case Type::verify:
    case Type::put:
    case Type::put_many:
    case Type::write_begin:
    case Type::write_chunk:
    case Type::write_commit:
    case Type::write_abort:
    case Type::write_status:
    case Type::write_reuse:
    case Type::remove:
    case Type::rename:
    case Type::copy:
    case Type::make_directory:
    case Type::set_attributes:
      return on_request(std::move(message), session, found->connection, Place::queued, now, outbox);
    case Type::acquire_lock:
    case Type::release_lock:
    case Type::renew_lock:
    case Type::list_locks:
    case Type::convert_lock:
    case Type::break_lock:
    case Type::watch:
      // From here on the lock actor has to know whether this session lives.
      if (!session.told_locks) {
        session.told_locks = Time::min();
        tell_locks_alive(session, now, outbox);
      }
      return on_request(std::move(message), session, found->connection, Place::locks, now, outbox);
    default:
      return outbox.send(make_error(message, {Code::unknown_type, {}, {}}));
  }
}

void Broker::on_hello(Message&& message, Time now, Outbox& outbox) {
  const auto hello = protocol::decode<protocol::Hello>(message.body);
  if (!hello) return outbox.send(make_error(message, hello.error()));
  if (hello->version_min > limits::version_max || hello->version_max < limits::version_min)
    return outbox.send(
        make_error(message, {Code::version_mismatch, {}, "this server speaks protocol version 1"}));
  if (hello->secret.size() != secret_bytes || hello->name.size() > session_name_bytes ||
      hello->connection > Connection::bulk)
    return outbox.send(make_error(message, {Code::bad_session, {}, "not a valid hello"}));
  if (shutting_down_) return outbox.send(make_error(message, {Code::shutting_down, {}, {}}));
  const std::uint64_t number = runtime::session_number(hello->secret);
  const bool resumed = sessions_.find(number) != nullptr;
  // It would find its uploads and snapshots gone, or lose what it begins now.
  if (!resumed && is_being_swept(number) && may_hold(now)) {
    held_hellos_.push_back(std::move(message));
    return;
  }
  if (!resumed && sessions_.size() >= limits::sessions)
    return outbox.send(make_error(message, {Code::overloaded, {}, "too many sessions"}));
  Session& session = sessions_.open(number);
  outboxes_.drop(session.peer(hello->connection));
  sessions_.bind(session, hello->connection, message.peer.id);
  session.name = hello->name;
  const std::uint32_t lease_ms = hello->lease_ms == 0 ? config_.lease_ms : hello->lease_ms;
  session.lease = Time(std::clamp(lease_ms, limits::lease_min_ms, limits::lease_max_ms));
  session.last_seen = now;
  // One that is made anew may have been here before, with locks whose time is not over yet.
  if (!resumed && std::find(ended_.begin(), ended_.end(), number) != ended_.end())
    session.told_locks = Time::min();
  tell_locks_alive(session, now, outbox);

  protocol::Welcome welcome;
  welcome.version = std::min(hello->version_max, limits::version_max);
  welcome.session = number;
  welcome.resumed = resumed;
  welcome.lease_ms = static_cast<std::uint32_t>(session.lease.count());
  welcome.epoch = config_.epoch;
  welcome.window_requests = limits::window_requests;
  welcome.window_bytes = limits::window_bytes;
  welcome.chunk_bytes = limits::chunk_bytes;
  welcome.leaf_bytes = limits::leaf_bytes;
  welcome.small_file_bytes = limits::small_file_bytes;
  welcome.server = config_.server;
  outbox.send(make_reply(message, welcome));
}

void Broker::on_ping(const Message& message, Outbox& outbox) {
  outbox.send(
      make_reply(message, protocol::Pong{config_.epoch, jobs_.size(),
                                         static_cast<std::uint32_t>(dispatch_.workers().size())}));
}

void Broker::on_bye(const Message& message, Session& session, Time now, Outbox& outbox) {
  outbox.send(make_reply(message, protocol::ByeReply{}));
  end_session(session.number, true, now, outbox);
}

void Broker::on_cancel(const Message& message, Session& session, Outbox& outbox) {
  const auto cancel = protocol::decode<protocol::Cancel>(message.body);
  if (!cancel) return outbox.send(make_error(message, cancel.error()));
  outbox.send(make_reply(message, protocol::CancelReply{}));
  const auto place = session.jobs.find(cancel->request_id);
  if (place == session.jobs.end()) return;
  Job& job = jobs_.at(place->second);
  if (job.place == Place::queued) {
    dispatch_.withdraw(job.number);
    fail_job(job.number, {Code::cancelled, {}, {}}, outbox);
  } else if (job.place == Place::worker || job.place == Place::publisher) {
    job.cancel_wanted = true;
  } else {
    cancel_at_locks(job, outbox);
  }
}

void Broker::on_request(Message&& message, Session& session, Connection connection, Place place,
                        Time now, Outbox& outbox) {
  const std::uint64_t request_id = message.header.request_id;
  if (const auto known = session.jobs.find(request_id); known != session.jobs.end()) {
    // A repeat of what is still under way: only where to answer has changed.
    jobs_.at(known->second).connection = connection;
    return;
  }
  if (const std::string* refusal = session.refusals.find(request_id)) {
    Message answer = make_error(message, {});
    answer.body = *refusal;
    return outbox.send(std::move(answer));
  }
  std::uint16_t attempt = 0;
  if (!orphans_.empty()) {
    if (adopt_orphan(request_id, session, connection)) return;
    attempt = attempt_after_orphan(request_id, session);
  }
  if (shutting_down_) return outbox.send(make_error(message, {Code::shutting_down, {}, {}}));
  // It is kept as long as the request, and no window counts it.
  if ((place == Place::queued || bulk_bytes(message.header)) &&
      message.body.size() > limits::request_body_bytes)
    return outbox.send(make_error(message, {Code::too_large, {}, "a body of more than 64 KiB"}));
  const std::size_t bytes = message.payload.size() + message.header.credit_bytes;
  if (session.jobs.size() >= limits::window_requests ||
      (session.bytes > 0 && session.bytes + bytes > limits::window_bytes) ||
      bytes > limits::window_bytes)
    return outbox.send(make_error(message, {Code::window_exceeded, {}, {}}));
  if (jobs_.size() >= limits::jobs)
    return outbox.send(make_error(message, {Code::overloaded, {}, "too many requests under way"}));
  if (answer_at_once(message, now, outbox)) return;
  Job& job = add_job(std::move(message), &session, connection, now);
  job.attempt = attempt;
  start(job, now, outbox);
  hand_out(outbox);
}

bool Broker::answer_at_once(const Message& message, Time now, Outbox& outbox) {
  if (message.header.type != Type::get || config_.reader == nullptr) return false;
  auto reply = config_.reader->answer(message, now);
  if (!reply) return false;
  outbox.send(std::move(*reply));
  return true;
}

// --- from workers ---

void Broker::from_worker(Message&& message, Time now, Outbox& outbox) {
  if (message.header.type == Type::worker_hello) return on_worker_hello(message, now, outbox);
  WorkerState* worker = dispatch_.find(message.peer.id);
  if (worker == nullptr) {
    if (message.header.type == Type::worker_heartbeat && on_pulse(message, now)) return;
    // Replies to jobs that have gone to others are dropped; anything else asks it to say hello.
    return outbox.send(make_error(message, {Code::hello_required, {}, {}}));
  }
  worker->last_seen = now;
  switch (message.header.type) {
    case Type::worker_heartbeat:
      return outbox.send(make_reply(message, protocol::WorkerHeartbeatReply{}));
    case Type::worker_bye:
      return give_up_worker(message.peer.id, false, now, outbox);
    case Type::job_parked:
      return on_job_parked(message, *worker, now, outbox);
    default:
      return on_job_reply(std::move(message), *worker, now, outbox);
  }
}

void Broker::on_worker_hello(const Message& message, Time now, Outbox& outbox) {
  const auto hello = protocol::decode<protocol::WorkerHello>(message.body);
  if (!hello) return outbox.send(make_error(message, hello.error()));
  if (hello->version_min > limits::version_max || hello->version_max < limits::version_min)
    return outbox.send(
        make_error(message, {Code::version_mismatch, {}, "this server speaks protocol version 1"}));
  if (hello->root_identity != config_.root_identity)
    return outbox.send(make_error(message, {Code::wrong_root, {}, {}}));
  give_up_worker(message.peer.id, false, now, outbox);
  WorkerState worker;
  worker.peer = message.peer.id;
  worker.number = ++last_worker_;
  worker.name = hello->name;
  worker.slots = std::clamp<std::uint32_t>(hello->slots, 1, limits::worker_slots);
  worker.in_process = hello->in_process;
  worker.last_seen = now;
  if (!worker.in_process) spdlog::info("worker {} joined", worker.name);
  if (std::exchange(told_no_worker_, false))
    spdlog::warn("a worker serves the root again: {} requests waited for it", dispatch_.waiting());
  outbox.send(make_message({Port::locks, {}}, protocol::WorkerKnown{worker.number}));
  protocol::WorkerWelcome welcome;
  welcome.version = std::min(hello->version_max, limits::version_max);
  welcome.locks_endpoint = worker.in_process ? config_.locks_inproc : config_.locks_outside;
  welcome.root_identity = config_.root_identity;
  welcome.epoch = config_.epoch;
  welcome.worker = worker.number;
  welcome.heartbeat_ms = limits::worker_heartbeat_ms;
  welcome.relaxed = config_.relaxed;
  outbox.send(make_reply(message, welcome));
  // Before it said hello it may have worked off what it was given long ago, for sessions that were
  // swept since.
  if (!worker.in_process)
    for (const std::uint64_t session : ended_)
      if (!has_orphans(session)) to_sweep_.insert(session);
  dispatch_.join(std::move(worker));
  hand_out(outbox);
}

// False: it is no pulse.
bool Broker::on_pulse(const Message& message, Time now) {
  const auto pulse = protocol::decode<protocol::WorkerHeartbeat>(message.body);
  if (!pulse || pulse->workers.empty()) return false;
  dispatch_.heard_of(pulse->workers, now);
  return true;
}

void Broker::on_job_parked(const Message& message, WorkerState& worker, Time now, Outbox& outbox) {
  const auto found = jobs_.find(message.stamp.job);
  if (found == jobs_.end() || found->second.worker != worker.peer ||
      found->second.attempt != message.header.attempt)
    return;
  Job& job = found->second;
  job.place = Place::parked;
  Session* session = awaiting(job);
  // Nobody waits for it any more; otherwise the lock actor has to know that the session lives.
  if (session == nullptr) {
    job.cancel_wanted = true;
  } else if (!session->told_locks) {
    session->told_locks = Time::min();
    tell_locks_alive(*session, now, outbox);
  }
  dispatch_.park(worker, job.number);
  if (job.cancel_wanted) cancel_at_locks(job, outbox);
  hand_out(outbox);
}

void Broker::on_job_reply(Message&& message, WorkerState& worker, Time now, Outbox& outbox) {
  const auto found = jobs_.find(message.stamp.job);
  // Late answers of an old attempt: the new one may be at the same worker, and goes on.
  if (found != jobs_.end() &&
      (found->second.worker != worker.peer || found->second.attempt != message.header.attempt))
    return;
  dispatch_.finish(worker, message.stamp.job);
  // Jobs may have ended meanwhile, in a shutdown.
  if (found != jobs_.end()) {
    Job& job = found->second;
    std::optional<protocol::ErrorReply> error;
    if (message.header.type == Type::error)
      if (auto told = protocol::decode<protocol::ErrorReply>(message.body)) error = *told;
    if (!error || !wait_for_room(job, *error, outbox)) {
      if (error) trouble_.note(job.request, job.session, *error, now);
      answer_job(job.number, std::move(message), outbox);
      if (bulk_reads_.any_waiting()) reads_at_ = now;
    }
  }
  hand_out(outbox);
}

void Broker::give_up_worker(const std::string& peer, bool lost_it, Time now, Outbox& outbox) {
  const auto worker = dispatch_.remove(peer);
  if (!worker) return;
  if (!worker->in_process)
    spdlog::log(lost_it ? spdlog::level::warn : spdlog::level::info, "worker {} {}", worker->name,
                lost_it ? "is lost: its requests go to others" : "left");
  // Before anybody else gets its jobs: what it still sends to the lock actor does not count any
  // more.
  outbox.send(make_message({Port::locks, {}}, protocol::WorkerGone{worker->number}));
  std::vector<std::uint64_t> lost(worker->running.begin(), worker->running.end());
  lost.insert(lost.end(), worker->parked.begin(), worker->parked.end());
  // Oldest first in the queue, so they are put to its front the youngest first.
  std::sort(lost.begin(), lost.end(), std::greater<>());
  for (const std::uint64_t number : lost) {
    const auto found = jobs_.find(number);
    if (found == jobs_.end()) continue;
    Job& job = found->second;
    job.place = Place::queued;
    job.worker.clear();
    job.since = now;
    ++job.attempt;
    if (lost_it && ++job.losses >= losses_most)
      fail_job(number, {Code::io_error, {}, "several workers were lost over it"}, outbox);
    else
      dispatch_.enqueue_again(number, is_heavy(job.request.header.type));
  }
  hand_out(outbox);
}

// --- from the lock actor ---

void Broker::from_locks(Message&& message, Time now, Outbox& outbox) {
  if (message.header.type == Type::lock_lost) {
    Session* session = sessions_.find(message.stamp.session);
    if (session == nullptr || session->peer(Connection::control).empty()) return;
    message.peer = {Port::clients, session->peer(Connection::control)};
    return outbox.send(std::move(message));
  }
  const auto found = jobs_.find(message.stamp.job);
  if (found == jobs_.end()) return;
  if (message.header.type == Type::checkpoint_reply)
    return on_room_made(found->second, now, outbox);
  if (found->second.place != Place::locks) return;
  answer_job(found->first, std::move(message), outbox);
}

// --- jobs ---

Broker::Job& Broker::add_job(Message&& request, Session* session, Connection connection, Time now) {
  const std::uint64_t number = ++last_job_;
  Job& job = jobs_[number];
  job.number = number;
  job.connection = connection;
  job.since = now;
  if (session != nullptr) {
    job.session = session->number;
    job.bytes = request.payload.size() + request.header.credit_bytes;
    session->jobs[request.header.request_id] = number;
    session->bytes += job.bytes;
  }
  job.request = std::move(request);
  return job;
}

void Broker::start(Job& job, Time now, Outbox& outbox) {
  if (const auto bytes = bulk_bytes(job.request.header)) {
    if (!bulk_reads_.begin(job.session, *bytes)) {
      bulk_reads_.wait(job.number);
      reads_at_ = std::min(reads_at_, now + retry_pause);
      return;
    }
    job.read_bytes = bytes;
  }
  const Type type = job.request.header.type;
  if (!protocol::is_lock_request(type)) return dispatch_.enqueue(job.number, is_heavy(type));
  job.place = Place::locks;
  Message forward;
  forward.peer = {Port::locks, {}};
  forward.header = job.request.header;
  forward.stamp = {job.session, job.number, 0};
  forward.body = std::move(job.request.body);
  outbox.send(std::move(forward));
}

void Broker::hand_out(Outbox& outbox) {
  while (const auto given = dispatch_.next()) {
    Job& job = jobs_.at(given->job);
    job.place = Place::worker;
    job.worker = given->worker->peer;
    Message message;
    message.peer = {Port::workers, job.worker};
    message.header = job.request.header;
    message.header.attempt = job.attempt;
    message.stamp = {job.session, job.number, 0};
    message.body = job.request.body;
    message.payload = job.request.payload;
    outbox.send(std::move(message));
  }
}

void Broker::answer_job(std::uint64_t number, Message&& reply, Outbox& outbox) {
  const auto found = jobs_.find(number);
  const Job& job = found->second;
  if (const auto swept = sweeps_.extract(number); swept && reply.header.type == Type::error)
    sweep_again_later(swept.mapped());
  if (job.read_bytes) {
    bulk_reads_.end(job.session, *job.read_bytes);
    bulk_reads_.hold(job.session, reply);
  }
  if (Session* session = awaiting(job)) {
    session->jobs.erase(job.request.header.request_id);
    session->bytes -= job.bytes;
    // Without a connection the answer is dropped: the client asks again under the same id when it
    // is back.
    if (const std::string& peer = session->peer(job.connection); !peer.empty()) {
      if (is_final_refusal(reply))
        session->refusals.remember(job.request.header.request_id, reply.body);
      reply.peer = {Port::clients, peer};
      reply.header.attempt = 0;
      outbox.send(std::move(reply));
    }
  } else {
    drop_orphan(job);
  }
  jobs_.erase(found);
}

void Broker::fail_job(std::uint64_t number, const protocol::Error& error, Outbox& outbox) {
  answer_job(number, make_error(jobs_.at(number).request, error), outbox);
}

Session* Broker::awaiting(const Job& job) {
  Session* session = sessions_.find(job.session);
  if (session == nullptr) return nullptr;
  const auto found = session->jobs.find(job.request.header.request_id);
  return found != session->jobs.end() && found->second == job.number ? session : nullptr;
}

// A session that had ended came back and repeats what is still under way. What waits for a lock has
// been cancelled with the session, and is begun anew.
bool Broker::adopt_orphan(std::uint64_t request_id, Session& session, Connection connection) {
  const auto found = orphans_.find({session.number, request_id});
  if (found == orphans_.end()) return false;
  Job& job = jobs_.at(found->second);
  if (job.place == Place::parked || job.cancel_wanted) return false;
  job.connection = connection;
  session.jobs[request_id] = job.number;
  session.bytes += job.bytes;
  orphans_.erase(found);
  return true;
}

// What the orphan has staged under its own attempt's name is its own to drop.
std::uint16_t Broker::attempt_after_orphan(std::uint64_t request_id, const Session& session) const {
  const auto found = orphans_.find({session.number, request_id});
  if (found == orphans_.end()) return 0;
  return static_cast<std::uint16_t>(jobs_.at(found->second).attempt + 1);
}

bool Broker::has_orphans(std::uint64_t session) const {
  const auto first = orphans_.lower_bound({session, 0});
  return first != orphans_.end() && first->first.first == session;
}

void Broker::drop_orphan(const Job& job) {
  const auto found = orphans_.find({job.session, job.request.header.request_id});
  if (found == orphans_.end() || found->second != job.number) return;
  orphans_.erase(found);
  if (!has_orphans(job.session)) to_sweep_.insert(job.session);
}

void Broker::cancel_at_locks(const Job& job, Outbox& outbox) {
  outbox.send(make_message({Port::locks, {}}, protocol::Cancel{job.request.header.request_id}, 0,
                           {job.session, 0, 0}));
}

void Broker::tell_locks_alive(Session& session, Time now, Outbox& outbox) {
  // Not more often than the time has moved: a lock must not end before its client has to expect it.
  if (!session.told_locks || *session.told_locks == now) return;
  session.told_locks = now;
  const protocol::SessionAlive alive{session.name,
                                     static_cast<std::uint32_t>(session.lease.count())};
  outbox.send(make_message({Port::locks, {}}, alive, 0, {session.number, 0, 0}));
}

void Broker::end_session(std::uint64_t number, bool bye, Time now, Outbox& outbox) {
  Session* session = sessions_.find(number);
  if (session == nullptr) return;
  if (session->told_locks)
    outbox.send(make_message({Port::locks, {}}, protocol::SessionEnded{bye}, 0, {number, 0, 0}));
  for (const auto& [request_id, job_number] : session->jobs) {
    Job& job = jobs_.at(job_number);
    // What runs at a worker is let run: a commit that was asked for may happen, nobody waits for
    // it.
    if (job.place == Place::parked) cancel_at_locks(job, outbox);
    if (job.place == Place::queued) dispatch_.withdraw(job_number);
    if (job.place == Place::queued || job.place == Place::locks) {
      if (job.read_bytes) bulk_reads_.end(number, *job.read_bytes);
      jobs_.erase(job_number);
    } else {
      orphans_[{number, request_id}] = job_number;
    }
  }
  for (const std::string& peer : session->peers) outboxes_.drop(peer);
  sessions_.end(number);
  ended_.push_back(number);
  if (ended_.size() > ended_remembered) ended_.pop_front();
  // Orphans may still leave something behind: then the sweep follows the last of them.
  if (!has_orphans(number)) sweep({{number}, false}, now, outbox);
}

void Broker::on_undelivered(Message&& message, runtime::Undelivered why, Time now, Outbox& outbox) {
  if (message.peer.port == Port::workers) return give_up_worker(message.peer.id, true, now, outbox);
  if (message.peer.port != Port::clients) return;
  const std::string peer = message.peer.id;
  if (!sessions_.by_peer(peer)) return;
  if (why == runtime::Undelivered::full && outboxes_.add(std::move(message))) {
    retry_at_ = now + retry_pause;
    return;
  }
  // The connection is gone, or its client does not read: it has to say hello again and repeat what
  // is open.
  outboxes_.drop(peer);
  sessions_.forget_peer(peer);
}

}  // namespace sluice::broker
