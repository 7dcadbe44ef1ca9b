// How a session goes on with a server that it finds again: after a restart its locks are confirmed
// first, then all that is unanswered is said again. And what it notes of its locks for that. The
// session's thread. Read on: client/session_locks.hpp, docs/protocol.md, "Sessions" and "Locks".
#include <algorithm>

#include "client/remaining_wait.hpp"
#include "client/session.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/token.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Type;

void Session::on_lock_lost(Message&& message, Outbox& outbox) {
  const auto lost = protocol::decode<protocol::LockLost>(message.body);
  if (!lost) return;
  locks_.remove(lost->number);
  answer(std::move(message), 0, outbox);
}

void Session::on_confirmation(const SessionLocks::Question& question, const Message& message,
                              Outbox& outbox) {
  const bool about_all = question.token.empty();
  if (message.header.type == Type::renew_lock_reply) {
    proven_wall_ = std::max(proven_wall_, question.wall);
    if (!about_all)
      answer(runtime::make_message({}, protocol::RenewLock{question.token}), 0, outbox);
    return go_on(outbox);
  }
  const auto error = protocol::decode<protocol::ErrorReply>(message.body);
  const Code code = error ? error->code : Code::bad_message;
  if (protocol::is_for_now(code)) return locks_.put_off(question.token, now_ + first_retry);
  if (about_all) return go_on(outbox);
  locks_.remove(question.token);
  protocol::LockLost lost{.number = 0, .code = code, .detail = error ? error->detail : ""};
  if (const auto token = protocol::parse_token(question.token)) lost.number = token->number;
  answer(runtime::make_message({}, lost), 0, outbox);
  go_on(outbox);
}

void Session::go_on(Outbox& outbox) {
  confirm_locks(outbox);
  if (locks_.is_confirming()) return;
  for (Link* link : {&control_link_, &bulk_link_})
    if (link->is_open() && link->take_repeats()) repeat_all(*link, outbox);
  send_queued(outbox);
}

void Session::confirm_locks(Outbox& outbox) {
  if (ended_ || !control_link_.is_open() || is_outdated(control_link_)) return;
  while (auto token = locks_.next(now_, std::max<std::size_t>(1, welcome_->window_requests))) {
    ask_about(std::move(*token), false, outbox);
  }
  if (locks_.take_last(now_)) ask_about({}, true, outbox);
}

// `last`: the server drops what the session does not know of.
void Session::ask_about(std::string token, bool last, Outbox& outbox) {
  const std::uint64_t id = next_id();
  send_on(control_link_, runtime::make_message({}, protocol::RenewLock{token, last}, id), outbox);
  locks_.asked(id, {std::move(token), wall_});
}

void Session::repeat_all(Link& link, Outbox& outbox) {
  for (auto each = sent_.begin(); each != sent_.end();) {
    Request& request = each->second;
    const Type type = request.message.header.type;
    if (!is_on(request, link)) {
      ++each;
    } else if (request.abandoned && type != Type::acquire_lock && type != Type::release_lock) {
      each = drop(each);
    } else {
      request.retry_at.reset();
      request.refused_since.reset();
      request.repeated = true;
      say_again(request, link, outbox);
      if (request.cancel_at && control_link_.is_open()) send_cancel(each->first, request, outbox);
      ++each;
    }
  }
}

void Session::say_again(const Request& request, Link& link, Outbox& outbox) {
  Message message = request.message;
  message.body =
      with_remaining_wait(message.header.type, message.body, wall_ - request.first_sent_wall);
  send_on(link, std::move(message), outbox);
}

void Session::note_grant(const Request& request, const Message& reply) {
  if (reply.header.type != Type::acquire_lock_reply) return;
  const auto grant = protocol::decode<protocol::AcquireLockReply>(reply.body);
  const auto acquire = protocol::decode<protocol::AcquireLock>(request.message.body);
  // What belongs to a named owner is not kept alive by this session.
  if (!grant || !acquire || !acquire->owner.empty()) return;
  locks_.add(grant->token, Time(grant->ttl_ms));
  // It may be one of before the restart.
  if (request.first_epoch != welcome_->epoch) locks_.put_off(grant->token, now_);
}

// Whatever became of it, be it given up: a lock that nobody wants must not be kept alive.
void Session::note_release(const Request& request) {
  if (request.message.header.type != Type::release_lock) return;
  if (const auto release = protocol::decode<protocol::ReleaseLock>(request.message.body))
    locks_.remove(release->token);
}

bool Session::was_done_before(const Request& request, const Message& reply) {
  if (!request.repeated || request.message.header.type != Type::release_lock) return false;
  if (reply.header.type != Type::error) return false;
  const auto error = protocol::decode<protocol::ErrorReply>(reply.body);
  return error && error->code == Code::fenced;
}

}  // namespace sluice::client
