// What a sluice::Lock holds, and what can be asked about it. Read on: client/held_locks.hpp.
#pragma once

#include <memory>

#include "client/connection.hpp"
#include "client/single_request.hpp"
#include "sluice/client.hpp"

namespace sluice {

struct __attribute__((visibility("hidden"))) Lock::Impl {
  /// Gone when the Client is.
  std::weak_ptr<client::Connection> connection;
  std::shared_ptr<client::HeldLock> held;
  std::uint64_t number = 0;
  /// The first it names, for errors.
  std::string path;
  /// Bounds each request, as Options::request_timeout.
  std::optional<std::chrono::milliseconds> patience;

  client::Start<void> renew() const;
  client::Start<void> convert(bool shared, const Upgrade& how) const;
  client::Start<void> release() const;

 private:
  /// Asks about the lock, and notes if it is lost.
  client::Start<void> ask(runtime::Message message, const std::stop_token& stop,
                          std::chrono::milliseconds more) const;
};

namespace client {
/// Why a lost lock is lost.
Error loss_of(const HeldLock& lock, const std::string& path);
}  // namespace client

}  // namespace sluice
