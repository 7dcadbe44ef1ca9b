// A lock given back, kept, or found lost. Any thread.
#include "client/lock.hpp"

#include "client/convert.hpp"

namespace sluice {

using client::Connection;
using client::Done;
using client::Start;
using protocol::Code;
using protocol::Result;
using runtime::Message;

namespace {

tl::unexpected<protocol::Error> failure(protocol::Error error, const std::string& path) {
  if (error.path.empty()) error.path = path;
  return tl::make_unexpected(std::move(error));
}

/// Asks about one lock. The connection is kept for as long as it takes to ask.
Start<void> ask_about(const std::weak_ptr<Connection>& weak, Message message,
                      const std::string& path, std::function<void(const protocol::Error*)> heard) {
  return [weak, message = std::move(message), path, heard = std::move(heard)](Done<void> done) {
    const auto connection = weak.lock();
    if (!connection || connection->has_ended())
      return done(protocol::fail(Code::fenced, path, "the client has ended"));
    client::ask(*connection, message, {})([path, heard, done](Result<Message>&& answer) {
      heard(answer ? nullptr : &answer.error());
      if (!answer) return done(failure(std::move(answer.error()), path));
      done({});
    });
  };
}

}  // namespace

Lock::Lock() noexcept = default;
Lock::Lock(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Lock::Lock(Lock&&) noexcept = default;

Lock& Lock::operator=(Lock&& other) noexcept {
  const Lock released(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

Lock::~Lock() {
  if (impl_) impl_->release()([](Result<void>&&) {});
}

const std::string& Lock::token() const noexcept {
  static const std::string none;
  return impl_ ? impl_->held->token() : none;
}

std::uint64_t Lock::number() const noexcept {
  return impl_ ? impl_->number : 0;
}

std::chrono::milliseconds Lock::ttl() const noexcept {
  return impl_ ? impl_->held->ttl() : std::chrono::milliseconds(0);
}

bool Lock::lost() const noexcept {
  if (!impl_) return true;
  const auto connection = impl_->connection.lock();
  if (!connection || connection->has_ended()) impl_->held->lose();
  return impl_->held->is_lost(runtime::real_time());
}

Start<void> Lock::Impl::renew() const {
  return ask_about(connection, runtime::make_message({}, protocol::RenewLock{held->token()}), path,
                   [held = held, asked = runtime::real_time()](const protocol::Error* error) {
                     if (!error) return held->renewed(asked);
                     if (protocol::exit_status(error->code) == protocol::exit_status(Code::fenced))
                       held->lose();
                   });
}

Start<void> Lock::Impl::release() const {
  held->watch().forget(*held);
  if (const auto there = connection.lock()) there->held_locks().remove(held->token());
  return ask_about(connection, runtime::make_message({}, protocol::ReleaseLock{held->token()}),
                   path, [](const protocol::Error*) {});
}

void Lock::renew() {
  if (!impl_) client::raise({Code::fenced, {}, "there is no lock"});
  client::now(impl_->renew());
}

void Lock::release() {
  if (!impl_) return;
  client::now(std::exchange(impl_, nullptr)->release());
}

}  // namespace sluice
