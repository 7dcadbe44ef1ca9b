// The only place of the library that has sockets and a thread.
#include "client/connection.hpp"

#include <algorithm>
#include <future>

#include "client/quiet_thread.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Type;
using runtime::Message;
using runtime::Port;

namespace {

constexpr int linger_ms = 200;
// A little more than the largest frame, for what a later version may add.
constexpr std::size_t frame_slack_bytes = 64u << 10;
constexpr std::chrono::milliseconds bye_patience{1'000};

runtime::Time proof_in(const Message& message) {
  return runtime::Time(static_cast<runtime::Time::rep>(message.stamp.number));
}

// What the server refused with, if that is what it says.
std::optional<protocol::Error> error_in(const Message& answer) {
  if (answer.header.type != Type::error) return std::nullopt;
  const auto reply = protocol::decode<protocol::ErrorReply>(answer.body);
  if (!reply) return reply.error();
  return protocol::Error{reply->code, reply->path, reply->detail};
}

}  // namespace

protocol::Result<std::unique_ptr<Connection>> Connection::open(const std::string& endpoint,
                                                               SessionConfig config) {
  std::unique_ptr<Connection> connection(new Connection(endpoint, std::move(config)));
  if (auto attached = connection->attach(); !attached) return tl::make_unexpected(attached.error());
  connection->start();
  return connection;
}

Connection::Connection(std::string endpoint, SessionConfig config)
    : endpoint_(std::move(endpoint)), session_(std::move(config)) {}

protocol::Result<void> Connection::attach() {
  runtime::SocketConfig config;
  config.connect = {endpoint_};
  config.stamped = false;
  config.max_frame_bytes = protocol::limits::frame_bytes + frame_slack_bytes;
  config.linger_ms = linger_ms;
  for (const Port port : {Port::server, Port::server_bulk})
    if (auto bound = runner_.attach(session_, port, config); !bound)
      return tl::make_unexpected(bound.error());
  runner_.deliver_to(session_, Port::application,
                     [this](Message&& message) { take(std::move(message)); });
  return {};
}

void Connection::start() {
  thread_ = start_quiet_thread([this] { runner_.run(); });
}

void Connection::end() {
  if (ended_.exchange(true)) return;
  held_locks_.watch().close();
  const auto ended = std::make_shared<std::promise<void>>();
  auto answered = ended->get_future();
  submit(runtime::make_message({}, protocol::Bye{}), [ended](Message&&) { ended->set_value(); });
  answered.wait_for(bye_patience);
  held_locks_.lose_all({Code::fenced, {}, "the client has ended"});
}

Connection::~Connection() {
  close();
}

void Connection::close() {
  if (!thread_.joinable()) return;
  end();
  runner_.stop();
  thread_.join();
  // What was posted to a runner that had stopped already.
  std::map<std::uint64_t, Answer> unanswered;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    unanswered.swap(answers_);
  }
  for (auto& [handle, answer] : unanswered)
    answer(runtime::make_error({}, {Code::cancelled, {}, {}}));
}

std::uint64_t Connection::submit(Message request, Answer answer) {
  std::unique_lock lock(mutex_);
  const std::uint64_t handle = ++last_handle_;
  if (closed_) {
    lock.unlock();
    answer(runtime::make_error(request, {Code::cancelled, {}, {}}));
    return handle;
  }
  answers_.emplace(handle, std::move(answer));
  lock.unlock();
  request.peer = {Port::application, {}};
  request.stamp.job = handle;
  runner_.post(session_, std::move(request));
  return handle;
}

void Connection::cancel(std::uint64_t handle) {
  Message message;
  message.peer = {Port::application, {}};
  message.header.type = Type::cancel;
  message.stamp.job = handle;
  runner_.post(session_, std::move(message));
}

std::optional<ServerLimits> Connection::limits() const {
  const std::lock_guard lock(mutex_);
  if (!welcome_) return std::nullopt;
  // Whole leaves, and at least one, whatever the server says.
  const std::size_t leaves =
      std::clamp<std::size_t>(welcome_->chunk_bytes / protocol::limits::leaf_bytes, 1,
                              protocol::limits::chunk_bytes / protocol::limits::leaf_bytes);
  // A small file goes where a chunk does.
  const std::size_t chunk_bytes = leaves * protocol::limits::leaf_bytes;
  return ServerLimits{welcome_->window_bytes, chunk_bytes,
                      std::min<std::size_t>(welcome_->small_file_bytes, chunk_bytes)};
}

std::optional<protocol::Welcome> Connection::welcome() const {
  const std::lock_guard lock(mutex_);
  return welcome_;
}

void Connection::take(Message&& message) {
  const auto stale = note(message);
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(message.stamp.job);
    if (found == answers_.end()) return;
    answer = std::move(found->second);
    answers_.erase(found);
  }
  if (stale) return prove_grant(*stale, std::move(message), std::move(answer));
  answer(std::move(message));
}

std::optional<std::string> Connection::note(const Message& message) {
  if (message.header.type == Type::welcome && message.stamp.job == 0)
    if (const auto welcome = protocol::decode<protocol::Welcome>(message.body))
      note_welcome(*welcome);
  for (const std::string& token : held_locks_.prove(proof_in(message), runtime::real_time()))
    ask_about_lock(token);
  if (message.stamp.job == 0) note_news_of_lock(message);
  if (message.header.type == Type::acquire_lock_reply) {
    const auto grant = protocol::decode<protocol::AcquireLockReply>(message.body);
    if (grant && held_locks_.add(*grant, runtime::real_time())) return grant->token;
  }
  return std::nullopt;
}

void Connection::note_welcome(const protocol::Welcome& welcome) {
  const std::lock_guard lock(mutex_);
  if (welcome_ && welcome_->epoch != welcome.epoch)
    held_locks_.doubt_all();
  else if (welcome_ && !welcome.resumed)
    held_locks_.lose_all({Code::lease_expired, {}, "the server has forgotten the session"});
  welcome_ = welcome;
}

void Connection::note_news_of_lock(const Message& message) {
  if (message.header.type == Type::lock_lost) {
    if (const auto lost = protocol::decode<protocol::LockLost>(message.body))
      held_locks_.lose(lost->number, {lost->code, {}, lost->detail});
  } else if (message.header.type == Type::renew_lock) {
    const auto confirmed = protocol::decode<protocol::RenewLock>(message.body);
    const auto held = confirmed ? held_locks_.find(confirmed->token) : nullptr;
    if (held && !held->renewed(proof_in(message), runtime::real_time()))
      ask_about_lock(held->token());
  }
}

// This process stood still for so long after asking that the lock may be over already: nobody is
// told of it before the server says that it is not.
void Connection::prove_grant(const std::string& token, Message&& grant, Answer&& answer) {
  const auto held = held_locks_.find(token);
  if (!held) return answer(std::move(grant));
  submit(runtime::make_message({}, protocol::RenewLock{token}),
         [held, asked = runtime::real_time(), grant = std::move(grant),
          answer = std::move(answer)](Message&& reply) mutable {
           if (const auto error = error_in(reply)) {
             held->lose(*error);
             return answer(std::move(reply));
           }
           held->renewed(asked, runtime::real_time());
           answer(std::move(grant));
         });
}

void Connection::ask_about_lock(const std::string& token) {
  const auto held = held_locks_.find(token);
  if (!held) return;
  submit(runtime::make_message({}, protocol::RenewLock{token}),
         [this, held, asked = runtime::real_time()](Message&& answer) {
           if (const auto error = error_in(answer)) {
             if (error->code != Code::cancelled && error->code != Code::unreachable)
               held->lose(*error);
           } else if (!held->renewed(asked, runtime::real_time())) {
             ask_about_lock(held->token());
           }
         });
}

}  // namespace sluice::client
