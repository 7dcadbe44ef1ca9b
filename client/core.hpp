// What all faces and views of one Client share: the session, and the threads for what takes long.
// Any thread. Read on: client/operations.hpp.
#pragma once

#include <memory>
#include <optional>

#include "client/connection.hpp"
#include "client/transfer_threads.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

struct Core {
  /// Throws `usage` for an endpoint that is malformed.
  explicit Core(const Options& options);
  ~Core();
  /// Ends the session: whatever is under way or asked from now on ends with `cancelled`. Returns
  /// when no thread but the session's is left. The second call does nothing.
  void end();

  std::optional<std::chrono::milliseconds> patience;
  // Before the connection, whose last answers may still give it tasks.
  TransferThreads threads;
  std::shared_ptr<Connection> connection;
};

}  // namespace sluice::client
