// See host.hpp.
#include "workers/host.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <system_error>

#include "protocol/limits.hpp"
#include "protocol/messages/workers.hpp"

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
  using Numbered = std::function<void(std::uint64_t)>;
  Thread(runtime::Context& context, storage::Storage& storage, WorkerConfig config,
         std::string join, int ended_fd, Numbered numbered)
      : runner(context),
        worker(std::move(config), storage),
        join(std::move(join)),
        ended_fd(ended_fd),
        numbered(std::move(numbered)) {
    thread = std::thread([this] { run(); });
  }

  void run() {
    if (attach(Port::broker, join))
      runner.run([this] {
        if (number != worker.number()) numbered(number = worker.number());
        return !follow_locks() || worker.refused();
      });
    if (worker.refused()) failure = *worker.refused();
    eventfd_write(ended_fd, 1);
    ended.set_value();
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
  /// To be told whenever the broker gives the worker a number.
  Numbered numbered;
  std::uint64_t number = 0;
  std::promise<void> ended;
  std::future<void> has_ended = ended.get_future();
  /// Written by the thread before it ends, read after.
  std::optional<protocol::Error> failure;
  std::thread thread;
};

Host::Host(runtime::Context& context, storage::Storage& storage, const HostConfig& config)
    : ended_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (ended_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  if (!config.in_process) start_pulse(context, config.join);
  for (unsigned i = 1; i <= config.threads; ++i) {
    WorkerConfig worker;
    worker.name = config.name + "/" + std::to_string(i);
    worker.in_process = config.in_process;
    auto numbered = [this, i](std::uint64_t number) {
      if (pulse_thread_.joinable())
        pulse_runner_->post(
            pulse_, runtime::make_message({Port::application, {}}, protocol::WorkerKnown{number}, 0,
                                          {0, i, 0}));
    };
    threads_.push_back(std::make_unique<Thread>(context, storage, std::move(worker), config.join,
                                                ended_fd_, std::move(numbered)));
  }
}

void Host::start_pulse(runtime::Context& context, const std::string& join) {
  pulse_runner_ = std::make_unique<runtime::Runner>(context);
  // An endpoint that cannot be used is the workers' to report.
  if (!pulse_runner_->attach(pulse_, Port::broker, dealer_to(join))) return;
  pulse_thread_ = std::thread([this] { pulse_runner_->run(); });
}

Host::~Host() {
  stop();
  close(ended_fd_);
}

bool Host::stop(runtime::Time limit) {
  for (const auto& thread : threads_) thread->runner.stop();
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& thread : threads_)
    if (limit != runtime::never && thread->thread.joinable() &&
        thread->has_ended.wait_until(begin + limit) != std::future_status::ready)
      return false;
  for (const auto& thread : threads_) {
    if (!thread->thread.joinable()) continue;
    thread->thread.join();
    thread->runner.call(thread->worker, [&](runtime::Time, runtime::Outbox& outbox) {
      thread->worker.leave(outbox);
    });
  }
  if (pulse_thread_.joinable()) {
    pulse_runner_->stop();
    pulse_thread_.join();
  }
  return true;
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
