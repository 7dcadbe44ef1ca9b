// A lock given back, kept, or found lost. Any thread.
#include "client/lock.hpp"

#include "client/convert.hpp"
#include "client/pipeline.hpp"

namespace sluice {

using client::Connection;
using client::Pipeline;

Lock::Lock() noexcept = default;
Lock::Lock(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Lock::Lock(Lock&&) noexcept = default;

Lock& Lock::operator=(Lock&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Lock::~Lock() {
  if (!impl_) return;
  const std::shared_ptr<Connection> connection = impl_->connection.lock();
  if (!connection) return;
  connection->held_locks().remove(token());
  connection->submit(runtime::make_message({}, protocol::ReleaseLock{token()}),
                     [](runtime::Message&&) {});
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
  if (impl_->connection.expired()) impl_->held->lose();
  return impl_->held->is_lost(runtime::real_time());
}

void Lock::renew() {
  const auto connection = impl_ ? impl_->connection.lock() : nullptr;
  if (!connection) client::raise({protocol::Code::fenced, {}, "the client has ended"});
  const runtime::Time asked = runtime::real_time();
  const auto renewed =
      Pipeline(*connection).ask<protocol::RenewLockReply>(protocol::RenewLock{token()});
  if (renewed) return impl_->held->renewed(asked);
  if (protocol::exit_status(renewed.error().code) == protocol::exit_status(protocol::Code::fenced))
    impl_->held->lose();
  client::raise(renewed.error());
}

void Lock::release() {
  if (!impl_) return;
  const std::unique_ptr<Impl> impl = std::move(impl_);
  const auto connection = impl->connection.lock();
  if (!connection) client::raise({protocol::Code::fenced, {}, "the client has ended"});
  const std::string token = impl->held->token();
  connection->held_locks().remove(token);
  client::value_of(
      Pipeline(*connection).ask<protocol::ReleaseLockReply>(protocol::ReleaseLock{token}));
}

}  // namespace sluice
