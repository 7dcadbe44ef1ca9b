// How the parts of the library that know files and locks get their requests to the server: an
// interface, so that tests can put a script in the place of a connection. Any thread. Read on:
// client/connection.hpp, client/pipeline.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "runtime/message.hpp"

namespace sluice::client {

/// What the server has granted, as in its `Welcome`.
struct ServerLimits {
  std::size_t window_bytes = 0;
  std::size_t chunk_bytes = 0;
  std::size_t small_file_bytes = 0;
};

class Requester {
 public:
  using Answer = std::function<void(runtime::Message&&)>;

  virtual ~Requester() = default;
  /// Sends a request (`header.type`, `header.credit_bytes`, `body`, `payload`); `stamp.number`, if
  /// it is not 0, bounds the time until it is answered (ms, `timed_out`). `answer` is called
  /// exactly once, on another thread, with the server's answer or an `ErrorReply`. Gives the handle
  /// for `cancel`.
  virtual std::uint64_t submit(runtime::Message request, Answer answer) = 0;
  /// Withdraws a request; it is answered none the less, with `cancelled` if that came in time.
  virtual void cancel(std::uint64_t handle) = 0;
  /// Nothing before the first welcome.
  virtual std::optional<ServerLimits> limits() const = 0;
};

}  // namespace sluice::client
