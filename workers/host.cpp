// See host.hpp.
#include "workers/host.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <system_error>

#include "protocol/limits.hpp"

namespace sluice::workers {

using runtime::Port;
using runtime::SocketConfig;

namespace {

SocketConfig dealer_to(const std::string& endpoint) {
  SocketConfig config;
  config.connect = {endpoint};
  config.max_frame_bytes = endpoint.starts_with("inproc:") ? 0 : protocol::limits::frame_bytes;
  config.linger_ms = 200;
  return config;
}

}  // namespace

struct Host::Thread {
  Thread(runtime::Context& context, storage::Storage& storage, WorkerConfig config,
         std::string join, int ended_fd)
      : runner(context),
        worker(std::move(config), storage),
        join(std::move(join)),
        ended_fd(ended_fd) {
    thread = std::thread([this] { run(); });
  }

  void run() {
    if (attach(Port::broker, join))
      runner.run([this] { return !follow_locks() || worker.refused(); });
    if (worker.refused()) failure = *worker.refused();
    eventfd_write(ended_fd, 1);
  }

  // The welcome names the lock actor's endpoint; it changes when the server restarts elsewhere.
  bool follow_locks() {
    if (worker.locks_endpoint().empty()) return true;
    const std::string endpoint = locks_endpoint_for(join, worker.locks_endpoint());
    if (endpoint == locks) return true;
    locks = endpoint;
    return attach(Port::locks, endpoint);
  }

  bool attach(Port port, const std::string& endpoint) {
    auto attached = runner.attach(worker, port, dealer_to(endpoint));
    if (!attached) failure = attached.error();
    return attached.has_value();
  }

  runtime::Runner runner;
  Worker worker;
  std::string join;
  std::string locks;
  int ended_fd;
  /// Written by the thread before it ends, read after.
  std::optional<protocol::Error> failure;
  std::thread thread;
};

Host::Host(runtime::Context& context, storage::Storage& storage, const HostConfig& config)
    : ended_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (ended_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  for (unsigned i = 1; i <= config.threads; ++i) {
    WorkerConfig worker;
    worker.name = config.name + "/" + std::to_string(i);
    worker.in_process = config.in_process;
    threads_.push_back(
        std::make_unique<Thread>(context, storage, std::move(worker), config.join, ended_fd_));
  }
}

Host::~Host() {
  stop();
  close(ended_fd_);
}

void Host::stop() {
  for (const auto& thread : threads_) thread->runner.stop();
  for (const auto& thread : threads_) {
    if (!thread->thread.joinable()) continue;
    thread->thread.join();
    thread->runner.call(thread->worker, [&](runtime::Time, runtime::Outbox& outbox) {
      thread->worker.leave(outbox);
    });
  }
}

std::optional<protocol::Error> Host::failure() const {
  for (const auto& thread : threads_)
    if (thread->failure) return thread->failure;
  return std::nullopt;
}

std::string locks_endpoint_for(const std::string& join, const std::string& named) {
  const auto join_port = join.rfind(':');
  const auto named_port = named.rfind(':');
  if (!join.starts_with("tcp://") || !named.starts_with("tcp://")) return named;
  return join.substr(0, join_port) + named.substr(named_port);
}

}  // namespace sluice::workers
