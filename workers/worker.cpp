// In the order of time: request, parked, committed, finish.
#include "workers/worker.hpp"

#include "protocol/limits.hpp"

namespace sluice::workers {

using protocol::Code;
using protocol::Type;
using runtime::make_error;
using runtime::make_message;
using runtime::make_reply;
using runtime::Message;
using runtime::Outbox;
using runtime::Port;
using runtime::Time;

namespace {

constexpr Time heartbeat{protocol::limits::worker_heartbeat_ms};
// Between tries to join the lock actor: its socket may not be connected yet.
constexpr Time join_pause{50};
// Between two pieces of the trash, so that requests which came meanwhile go first.
constexpr Time trash_pause{1};

}  // namespace

Worker::Worker(WorkerConfig config, storage::Storage& storage)
    : config_(std::move(config)), storage_(storage) {}

void Worker::on_message(Message&& message, Time now, Outbox& outbox) {
  switch (message.header.type) {
    case Type::worker_welcome:
      return on_welcome(message, now, outbox);
    case Type::worker_heartbeat_reply:
      return;
    case Type::error:
      return on_error(message, now, outbox);
    case Type::join_locks_reply:
      return on_joined(outbox);
    case Type::commit_waiting:
      return on_commit_waiting(message, outbox);
    case Type::commit_reply:
      return on_commit_reply(message, now, outbox);
    default:
      return on_job(std::move(message), outbox);
  }
}

// --- joining ---

void Worker::say_hello(Time now, Outbox& outbox) {
  standing_ = Standing::unknown;
  protocol::WorkerHello hello;
  hello.version_min = protocol::limits::version_min;
  hello.version_max = protocol::limits::version_max;
  hello.root_identity = storage_.identity();
  hello.slots = config_.slots;
  hello.name = config_.name;
  hello.in_process = config_.in_process;
  outbox.send(make_message({Port::broker, {}}, hello));
  next_heartbeat_ = next_tick_ = now + heartbeat;
}

void Worker::on_welcome(const Message& message, Time now, Outbox& outbox) {
  const auto welcome = protocol::decode<protocol::WorkerWelcome>(message.body);
  if (!welcome) return;
  // The broker has given what we had to others: nothing of it may be committed from here.
  parked_.clear();
  batches_.clear();
  // What filled the trash may have been told to nobody.
  trash_ = true;
  standing_ = Standing::welcomed;
  locks_endpoint_ = welcome->locks_endpoint;
  epoch_ = welcome->epoch;
  number_ = welcome->worker;
  relaxed_server_ = welcome->relaxed;
  ask_to_join(outbox);
  next_tick_ = now + join_pause;
}

void Worker::ask_to_join(Outbox& outbox) {
  outbox.send(make_message({Port::locks, {}}, protocol::JoinLocks{number_, epoch_}));
}

void Worker::on_joined(Outbox& outbox) {
  if (standing_ == Standing::joined) return;
  standing_ = Standing::joined;
  for (const auto& [handle, parked] : parked_) send_commit(handle, parked, outbox);
}

void Worker::on_error(const Message& message, Time now, Outbox& outbox) {
  auto error = protocol::decode<protocol::ErrorReply>(message.body);
  if (!error) return;
  if (error->code == Code::wrong_root || error->code == Code::version_mismatch)
    refused_ = protocol::Error{error->code, error->path, error->detail};
  if (error->code != Code::hello_required) return;
  // From the broker: it gave us up. From the lock actor: the broker did, and its word is on the
  // way, or our join was lost with a connection.
  if (message.peer.port == Port::broker) {
    // Each message that came too late is answered by such an error, but one hello is enough:
    // another would make the broker give up again what it has given after the first.
    if (standing_ != Standing::unknown) say_hello(now, outbox);
  } else if (standing_ == Standing::joined) {
    standing_ = Standing::welcomed;
    next_tick_ = now + join_pause;
  }
}

void Worker::on_tick(Time now, Outbox& outbox) {
  if (now >= next_heartbeat_) {
    if (standing_ == Standing::unknown) return say_hello(now, outbox);
    outbox.send(make_message({Port::broker, {}}, protocol::WorkerHeartbeat{}));
    // A connection that was lost and made anew says nothing of itself, and with it the outcomes on
    // their way were lost.
    if (standing_ == Standing::joined && !parked_.empty())
      outbox.send(make_message({Port::locks, {}}, protocol::WorkerHeartbeat{}));
    next_heartbeat_ = now + heartbeat;
  }
  next_tick_ = next_heartbeat_;
  if (standing_ == Standing::welcomed) {
    ask_to_join(outbox);
    next_tick_ = std::min(next_tick_, now + join_pause);
  }
  if (trash_) {
    // A trash that cannot be emptied is looked at again after the next commit that fills it.
    const auto more = storage_.empty_trash();
    trash_ = more.value_or(false);
    if (trash_) next_tick_ = std::min(next_tick_, now + trash_pause);
  }
}

void Worker::leave(Outbox& outbox) {
  outbox.send(make_message({Port::broker, {}}, protocol::WorkerBye{}));
}

// --- request ---

void Worker::on_job(Message&& message, Outbox& outbox) {
  if (message.peer.port != Port::broker) return;
  if (message.header.type == Type::put_many) return on_put_many(std::move(message), outbox);
  const Operation operation = find_operation(message.header.type);
  if (operation == nullptr) return outbox.send(make_error(message, {Code::unknown_type, {}, {}}));
  auto ending = operation(Job{message, storage_, relaxed_server_});
  if (!ending) {
    // A repeat may fail here only because the first attempt succeeded and used up what it needs.
    if (protocol::is_change(message.header.type) && ending.error().code != Code::bad_path &&
        ending.error().code != Code::bad_message)
      return park(std::move(message), {}, ending.error(), {}, outbox);
    return outbox.send(make_error(message, ending.error()));
  }
  if (auto* change = std::get_if<Change>(&*ending))
    return park(std::move(message), std::move(*change), {}, {}, outbox);
  auto& done = std::get<Answer>(*ending);
  Message reply;
  reply.peer = message.peer;
  reply.header = message.header;
  reply.header.type = done.type;
  reply.stamp = message.stamp;
  reply.body = std::move(done.body);
  reply.payload = std::move(done.payload);
  outbox.send(std::move(reply));
}

// --- parked ---

void Worker::park(Message&& request, Change&& change, std::optional<protocol::Error> refusal,
                  InBatch place, Outbox& outbox) {
  const std::uint64_t handle = ++last_handle_;
  request.body.clear();
  request.payload = {};
  const auto parked =
      parked_.emplace(handle, Parked{std::move(request), std::move(change.commit),
                                     std::move(change.bytes), std::move(refusal), place});
  if (standing_ == Standing::joined) send_commit(handle, parked.first->second, outbox);
}

void Worker::send_commit(std::uint64_t handle, const Parked& parked, Outbox& outbox) {
  Message message = make_message({Port::locks, {}}, parked.commit, parked.request.header.request_id,
                                 {parked.request.stamp.session, handle, 0});
  message.header.attempt = parked.request.header.attempt;
  message.payload = parked.bytes;
  outbox.send(std::move(message));
}

void Worker::on_commit_waiting(const Message& message, Outbox& outbox) {
  const auto found = parked_.find(message.stamp.job);
  // What is in a batch waits for no lock.
  if (found == parked_.end() || found->second.place.batch != 0) return;
  outbox.send(make_reply(found->second.request, protocol::JobParked{}));
}

// --- committed ---

void Worker::on_commit_reply(const Message& message, Time now, Outbox& outbox) {
  const auto found = parked_.find(message.stamp.job);
  if (found == parked_.end()) return;
  const auto outcome = protocol::decode<protocol::CommitReply>(message.body);
  if (!outcome) return;
  Parked parked = std::move(found->second);
  parked_.erase(found);
  if (outcome->trash) {
    trash_ = true;
    next_tick_ = std::min(next_tick_, now + trash_pause);
  }
  finish(std::move(parked), *outcome, outbox);
}

// --- finish ---

void Worker::finish(Parked&& parked, const protocol::CommitReply& outcome, Outbox& outbox) {
  const Message& request = parked.request;
  if (outcome.code != 0)
    answer(parked, protocol::fail(static_cast<Code>(outcome.code), outcome.path, outcome.detail),
           outbox);
  else if (outcome.version == 0)
    answer(parked,
           tl::make_unexpected(parked.refusal.value_or(
               protocol::Error{Code::io_error, parked.commit.path, "no outcome"})),
           outbox);
  else
    answer(parked, outcome.version, outbox);
  // A commit that did not take the staged file: refused, or done already by an earlier attempt. An
  // upload stays when it was refused, so that the client can commit it again.
  const bool own_name = request.header.type != Type::write_commit;
  if (!parked.commit.staged.empty() && own_name &&
      (outcome.code != 0 || outcome.remembered || request.header.attempt > 0))
    (void)storage_.drop_staged(parked.commit.staged);
}

void Worker::answer(const Parked& parked, const protocol::Result<std::uint64_t>& version,
                    Outbox& outbox) {
  if (parked.place.batch != 0)
    return note_outcome(parked.place, parked.commit.path, version, outbox);
  if (!version) return outbox.send(make_error(parked.request, version.error()));
  Message reply = make_reply(parked.request, protocol::PutReply{*version});
  // Every change is answered by the same body under its own type.
  reply.header.type = protocol::reply_to(parked.request.header.type);
  outbox.send(std::move(reply));
}

}  // namespace sluice::workers
