// Puts the server together: which actor runs on which thread, and what its ports are connected to.
//
//     main thread     broker, lock actor      they talk all the time
//     publisher       publisher               blocks on the log
//     checkpointer    checkpointer            blocks on the whole disk
//     worker 1..N     one worker each
//
// Made, run and destroyed by the main thread. Read on: docs/architecture.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/locks/lock_actor.hpp"
#include "broker/publisher/publisher.hpp"
#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "runtime/signals.hpp"

namespace sluice::broker {

struct ServerConfig {
  std::string root;
  std::vector<std::string> listen = {"tcp://127.0.0.1:5970"};
  /// Where worker processes join; empty: only this process's threads work.
  std::string workers_listen;
  unsigned threads = 2;
  std::uint32_t lease_ms = protocol::limits::lease_ms;
  publisher::Durability durability = publisher::Durability::full;
  locks::LockDurability lock_durability = locks::LockDurability::full;
  /// Goes on with what can be read of a damaged lock journal.
  bool forget_locks = false;
};

class Server {
 public:
  /// Opens the root, replays the log, binds every endpoint and starts the threads. Fails with the
  /// errors of storage::open_root and publisher::recover, `usage` and `cannot_listen` for an
  /// endpoint.
  static protocol::Result<std::unique_ptr<Server>> start(const ServerConfig& config);
  ~Server();

  /// Endpoints as bound, with the ports that were chosen for "tcp://...:*"; clients' first.
  const std::vector<std::string>& endpoints() const;

  /// Serves until SIGINT or SIGTERM, then finishes what runs, for up to 5 s in all.
  void run(runtime::SignalFd& signals);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::broker
