// Runs workers: one thread and one pair of sockets each. The same for the threads of sluiced and of
// sluice-worker. Owned by the main thread; `stop` and `join` are called from there.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/runner.hpp"
#include "storage/storage.hpp"
#include "workers/pulse.hpp"
#include "workers/worker.hpp"

namespace sluice::workers {

struct HostConfig {
  /// The broker's endpoint for workers.
  std::string join;
  /// "host:pid"; each thread adds its number.
  std::string name;
  unsigned threads = 1;
  bool in_process = false;
};

class Host {
 public:
  /// Starts the threads. The context and the storage must outlive the host.
  Host(runtime::Context& context, storage::Storage& storage, const HostConfig& config);
  /// Stops and joins.
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// The workers say goodbye and their threads end, each after what it is doing just now. False if
  /// some have not within the time: then the process can only be left (`_exit`).
  bool stop(runtime::Time limit = runtime::never);
  /// Readable once a worker has ended by itself; `failure` then says why.
  int ended_fd() const { return ended_fd_; }
  /// Why the broker refused the workers, or why an endpoint could not be used; none if nothing is
  /// wrong. After `stop`.
  std::optional<protocol::Error> failure() const;

 private:
  struct Thread;
  void start_pulse(runtime::Context& context, const std::string& join);
  std::vector<std::unique_ptr<Thread>> threads_;
  Pulse pulse_;
  std::unique_ptr<runtime::Runner> pulse_runner_;
  std::thread pulse_thread_;
  int ended_fd_ = -1;
};

/// Where to reach the lock actor: for tcp the host of `join` with the port of `named`, since a
/// server that listens on all its addresses cannot know by which one a worker sees it.
std::string locks_endpoint_for(const std::string& join, const std::string& named);

}  // namespace sluice::workers
