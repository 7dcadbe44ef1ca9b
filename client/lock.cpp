// A lock given back, kept, or found lost. Any thread.
#include "client/lock.hpp"

#include "client/convert.hpp"

namespace sluice {

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
  if (!connection || connection->has_ended())
    impl_->held->lose({Code::fenced, {}, "the client has ended"});
  return impl_->held->is_lost(runtime::real_time());
}

std::optional<Error> Lock::loss() const {
  if (!impl_) return Error(static_cast<std::uint16_t>(Code::fenced), {}, "there is no lock");
  if (!lost()) return std::nullopt;
  return client::loss_of(*impl_->held, impl_->path);
}

// The connection is kept for as long as it takes to ask.
Start<void> Lock::Impl::ask(Message message, const std::stop_token& stop,
                            std::chrono::milliseconds more) const {
  client::bound(message, patience, more);
  return [weak = connection, held = held, message = std::move(message), path = path,
          stop](Done<void> done) {
    const auto connection = weak.lock();
    if (!connection || connection->has_ended())
      return done(protocol::fail(Code::fenced, path, "the client has ended"));
    client::ask(*connection, message, stop)([held, path, done](Result<Message>&& answer) {
      if (answer) return done({});
      const Code code = answer.error().code;
      if (code == Code::fenced || code == Code::lease_expired) held->lose(answer.error());
      done(failure(std::move(answer.error()), path));
    });
  };
}

Start<void> Lock::Impl::renew() const {
  auto start = ask(runtime::make_message({}, protocol::RenewLock{held->token()}), {}, {});
  return [start = std::move(start), held = held, asked = runtime::real_time()](Done<void> done) {
    start([held, asked, done = std::move(done)](Result<void>&& renewed) {
      if (renewed) held->renewed(asked, runtime::real_time());
      done(std::move(renewed));
    });
  };
}

Start<void> Lock::Impl::convert(bool shared, const Upgrade& how) const {
  const auto body = client::conversion(held->token(), shared, how);
  return ask(runtime::make_message({}, body), how.stop, std::chrono::milliseconds(body.wait_ms));
}

Start<void> Lock::Impl::release() const {
  held->watch().forget(*held);
  if (const auto there = connection.lock()) there->held_locks().remove(held->token());
  return ask(runtime::make_message({}, protocol::ReleaseLock{held->token()}), {}, {});
}

void Lock::renew() {
  if (!impl_) client::raise({Code::fenced, {}, "there is no lock"});
  client::now(impl_->renew());
}

void Lock::upgrade(const Upgrade& how) {
  if (!impl_) client::raise({Code::fenced, {}, "there is no lock"});
  client::now(impl_->convert(false, how));
}

void Lock::downgrade() {
  if (!impl_) client::raise({Code::fenced, {}, "there is no lock"});
  client::now(impl_->convert(true, {}));
}

void Lock::release() {
  if (!impl_) return;
  client::now(std::exchange(impl_, nullptr)->release());
}

Error client::loss_of(const HeldLock& lock, const std::string& path) {
  // The reason is there before the lock counts as lost.
  protocol::Error error = *lock.loss();
  error.path = path;
  return exception_of(error);
}

}  // namespace sluice
