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

  client::Start<void> renew() const;
  client::Start<void> release() const;
};

}  // namespace sluice
