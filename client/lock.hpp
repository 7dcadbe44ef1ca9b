// What a sluice::Lock holds. Read on: client/held_locks.hpp.
#pragma once

#include <memory>

#include "client/connection.hpp"
#include "sluice/client.hpp"

namespace sluice {

struct Lock::Impl {
  /// Gone when the Client is.
  std::weak_ptr<client::Connection> connection;
  std::shared_ptr<client::HeldLock> held;
  std::uint64_t number = 0;
};

}  // namespace sluice
