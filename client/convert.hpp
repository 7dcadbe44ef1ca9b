// Between the public types and those of the protocol, and from errors as values to the exception.
// Pure functions, but for raise() and value_of().
#pragma once

#include <utility>

#include "protocol/errors.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/messages/watch.hpp"
#include "sluice/error.hpp"
#include "sluice/types.hpp"
#include "sluice/watcher.hpp"

namespace sluice::client {

Error exception_of(const protocol::Error& error);
/// Looks why a server was not reached, which can take seconds: not on the connection's thread.
[[noreturn]] void raise(const protocol::Error& error);

/// What is there, or the exception.
template <class T>
T value_of(protocol::Result<T>&& result) {
  if (!result) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Attributes to_public(const protocol::Attributes& attributes);
LockEntry to_public(const protocol::LockEntry& entry);
Events to_public(protocol::WatchReply&& reply);
std::vector<protocol::LockClaim> to_wire(const std::vector<Claim>& claims);
/// Without an agent it is that of the calling thread.
protocol::Terms terms_of(const Change& change);
protocol::ConvertLock conversion(std::string token, bool shared, const Upgrade& how);
protocol::Preserve preserve_of(const Change& change);
/// Rounded to what the wire can carry: nothing negative, no more than `max_ms`.
std::uint32_t to_ms(std::chrono::milliseconds time, std::uint32_t max_ms);

}  // namespace sluice::client
