// See server.hpp.
#include "broker/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

#include "broker/broker.hpp"
#include "broker/locks/lock_actor.hpp"
#include "broker/publisher/checkpointer.hpp"
#include "broker/publisher/replay.hpp"
#include "runtime/runner.hpp"
#include "storage/posix_storage.hpp"
#include "workers/host.hpp"

namespace sluice::broker {

using protocol::Code;
using protocol::Result;
using runtime::Port;
using runtime::Runner;
using runtime::SocketConfig;
using runtime::Time;
namespace limits = protocol::limits;

namespace {

constexpr const char* workers_inproc = "inproc://workers";
constexpr const char* locks_inproc = "inproc://locks";
constexpr const char* publisher_inproc = "inproc://publisher";
constexpr const char* checkpointer_inproc = "inproc://checkpointer";

// Messages libzmq may queue for one client; what finds no room waits in the broker's outboxes.
constexpr int client_queue_messages = 64;
// Of the 5 s that a shutdown may take: for what runs, and for the last checkpoint.
constexpr Time finish_time{3'000};
constexpr Time checkpoint_time{1'300};
constexpr Time workers_time{200};

SocketConfig bound_to(std::vector<std::string> endpoints, SocketConfig::Kind kind) {
  SocketConfig config;
  config.kind = kind;
  config.bind = std::move(endpoints);
  config.max_frame_bytes = limits::frame_bytes;
  return config;
}

SocketConfig connected_to(const char* endpoint) {
  SocketConfig config;
  config.connect = {endpoint};
  return config;
}

// The lock actor listens beside the broker: "ipc:///run/w" -> "ipc:///run/w.locks", "tcp://h:6000"
// -> "tcp://h:6001".
Result<std::string> locks_endpoint_beside(const std::string& workers) {
  if (!workers.starts_with("tcp://")) return workers + ".locks";
  const auto colon = workers.rfind(':');
  if (workers.substr(colon + 1) == "*") return workers;
  const int port = std::atoi(workers.c_str() + colon + 1);
  if (port <= 0 || port >= 65'535)
    return protocol::fail(Code::usage, workers, "not a port with room for the next one");
  return workers.substr(0, colon + 1) + std::to_string(port + 1);
}

Time wall_time() {
  return std::chrono::duration_cast<Time>(std::chrono::system_clock::now().time_since_epoch());
}

// An actor alone on a thread of its own.
class Solo {
 public:
  explicit Solo(runtime::Context& context) : runner(context) {}
  ~Solo() { stop(); }
  void start() {
    thread_ = std::thread([this] { runner.run(); });
  }
  void stop() {
    runner.stop();
    if (thread_.joinable()) thread_.join();
  }

  Runner runner;

 private:
  std::thread thread_;
};

}  // namespace

struct Server::Impl {
  explicit Impl(const ServerConfig& config) : config(config) {}

  Result<void> open();
  Result<locks::RecoveredLocks> recover_locks();
  void open_locks(const publisher::Recovered& recovered, const locks::RecoveredLocks& held);
  Result<void> bind();
  Result<void> connect_publisher();
  void start_threads();
  void checkpoint_and_stop();

  ServerConfig config;
  std::unique_ptr<storage::PosixStorage> storage;
  std::unique_ptr<storage::LogFiles> log;
  std::unique_ptr<storage::JournalFiles> journal;
  runtime::SystemSecrets secrets;
  std::unique_ptr<locks::LockActor> lock_actor;
  std::unique_ptr<publisher::Publisher> publisher;
  std::unique_ptr<publisher::Checkpointer> checkpointer;
  std::unique_ptr<storage::SmallFiles> small_files;
  std::unique_ptr<workers::CachedReader> reader;
  std::unique_ptr<Broker> broker;
  std::uint64_t epoch = 0;

  // In this order, so that everything that uses a context or a storage is gone before it.
  runtime::Context context;
  Runner runner{context};
  Solo publisher_thread{context};
  Solo checkpointer_thread{context};
  std::unique_ptr<workers::Host> workers;
  std::vector<std::string> endpoints;
  /// Fulfilled by the publisher's answer to the last checkpoint.
  std::promise<void> checkpointed;
};

Result<void> Server::Impl::open() {
  auto opened = storage::open_root(config.root, storage::Role::server);
  if (!opened) return tl::make_unexpected(opened.error());
  storage = std::move(*opened);
  log = storage->log_files();
  // Before the log tells that the root was served: the first start may be cut short in between.
  auto held = recover_locks();
  if (!held) return tl::make_unexpected(held.error());
  auto recovered = publisher::recover(*storage, *log);
  if (!recovered) return tl::make_unexpected(recovered.error());
  if (recovered->lost > 0)
    spdlog::warn("{} relaxed puts were lost with the power", recovered->lost);
  for (const std::string& note : recovered->notes) spdlog::warn("replaying the log: {}", note);
  epoch = recovered->epoch;
  open_locks(*recovered, *held);
  publisher::PublisherConfig publisher_config;
  publisher_config.durability = config.durability;
  publisher = std::make_unique<publisher::Publisher>(
      publisher_config, *storage, *log, [this] { return lock_actor->sync_journal(); },
      std::move(*recovered));
  checkpointer = std::make_unique<publisher::Checkpointer>(*storage);
  return {};
}

// The locks that were held before. Without some of them others could be granted what still is
// somebody's, so a damaged journal takes a word of whoever runs the server.
Result<locks::RecoveredLocks> Server::Impl::recover_locks() {
  const auto segments = log->segments();
  if (!segments) return tl::make_unexpected(segments.error());
  auto files = storage->journal_files();
  if (!files) return tl::make_unexpected(files.error());
  journal = std::move(*files);
  locks::JournalStart start;
  start.served_before = !segments->empty();
  start.relaxed = config.lock_durability == locks::LockDurability::relaxed;
  start.wall_ms = static_cast<std::uint64_t>(wall_time().count());
  start.grace_ms = config.lease_ms;
  auto held = locks::LockJournal::recover(*journal, start);
  if (!held || held->damage.empty()) return held;
  const std::string what =
      fmt::format("{}; {} locks can be read", held->damage, held->locks.size());
  if (!config.forget_locks) return protocol::fail(Code::locks_damaged, config.root, what);
  held = locks::LockJournal::repair(*journal, *held, start);
  if (held)
    spdlog::error(
        "the lock journal was damaged: {}, and are held on; copies of its files end in .damaged. "
        "For one lease nothing is granted, then what others held, named owners too, is free: what "
        "they still do under their locks is refused",
        what);
  return held;
}

void Server::Impl::open_locks(const publisher::Recovered& recovered,
                              const locks::RecoveredLocks& held) {
  const Time now = runtime::real_time();
  locks::LockConfig lock_config{
      recovered.epoch,          recovered.first_number,
      recovered.reserved_up_to, config.lease_ms,
      config.lock_durability,   static_cast<std::uint64_t>((wall_time() - now).count())};
  lock_actor = std::make_unique<locks::LockActor>(lock_config, *journal, held.end, secrets);
  lock_actor->restore(held.locks, held.guard, now);
  if (!held.locks.empty()) spdlog::info("{} locks are held on", held.locks.size());
}

Result<void> Server::Impl::bind() {
  using Kind = SocketConfig::Kind;
  std::vector<std::string> lock_endpoints{locks_inproc};
  std::vector<std::string> worker_endpoints{workers_inproc};
  if (!config.workers_listen.empty()) {
    auto beside = locks_endpoint_beside(config.workers_listen);
    if (!beside) return tl::make_unexpected(beside.error());
    lock_endpoints.push_back(*beside);
    worker_endpoints.push_back(config.workers_listen);
  }
  auto locks_bound =
      runner.attach(*lock_actor, Port::workers, bound_to(lock_endpoints, Kind::router));
  if (!locks_bound) return tl::make_unexpected(locks_bound.error());

  BrokerConfig broker_config;
  broker_config.epoch = epoch;
  broker_config.root_identity = storage->identity();
  broker_config.locks_inproc = locks_inproc;
  broker_config.locks_outside = locks_bound->back();
  broker_config.lease_ms = config.lease_ms;
  broker_config.relaxed = config.durability == publisher::Durability::relaxed;
  broker_config.server = "sluiced " SLUICE_VERSION;
  // Who has all work done by other processes means reading too.
  if (config.threads > 0) {
    small_files = storage->small_files();
    lock_actor->on_tree_moves([this](bool ended) { small_files->tree_moves(ended); });
    reader = std::make_unique<workers::CachedReader>(*small_files);
    broker_config.reader = reader.get();
  }
  broker = std::make_unique<Broker>(std::move(broker_config));

  SocketConfig clients = bound_to(config.listen, Kind::router);
  clients.stamped = false;
  clients.queue_messages = client_queue_messages;
  clients.unfinished_bytes = limits::unfinished_bytes;
  // Answers that a closing server has given are still sent.
  clients.linger_ms = 500;
  for (const std::string& endpoint : config.listen)
    if (endpoint.starts_with("inproc:"))
      return protocol::fail(Code::usage, endpoint, "nobody outside could reach it");
  auto clients_bound = runner.attach(*broker, Port::clients, clients);
  if (!clients_bound) return tl::make_unexpected(clients_bound.error());
  auto workers_bound =
      runner.attach(*broker, Port::workers, bound_to(worker_endpoints, Kind::router));
  if (!workers_bound) return tl::make_unexpected(workers_bound.error());
  runner.link(*broker, Port::locks, *lock_actor, Port::broker);
  runner.send_at_end_of_turn();
  endpoints = *clients_bound;
  if (!config.workers_listen.empty()) endpoints.push_back(workers_bound->back());
  return {};
}

Result<void> Server::Impl::connect_publisher() {
  using Kind = SocketConfig::Kind;
  struct End {
    Runner& runner;
    runtime::Actor& actor;
    Port port;
    SocketConfig config;
  };
  End ends[] = {
      {runner, *lock_actor, Port::publisher, bound_to({publisher_inproc}, Kind::dealer)},
      {publisher_thread.runner, *publisher, Port::locks, connected_to(publisher_inproc)},
      {publisher_thread.runner, *publisher, Port::checkpointer,
       bound_to({checkpointer_inproc}, Kind::dealer)},
      {checkpointer_thread.runner, *checkpointer, Port::publisher,
       connected_to(checkpointer_inproc)},
  };
  for (End& end : ends)
    if (auto attached = end.runner.attach(end.actor, end.port, end.config); !attached)
      return tl::make_unexpected(attached.error());
  publisher_thread.runner.deliver_to(*publisher, Port::application,
                                     [this](runtime::Message&&) { checkpointed.set_value(); });
  return {};
}

void Server::Impl::start_threads() {
  publisher_thread.start();
  checkpointer_thread.start();
  workers::HostConfig host;
  host.join = workers_inproc;
  host.name = "sluiced:" + std::to_string(getpid());
  host.threads = config.threads;
  host.in_process = true;
  workers = std::make_unique<workers::Host>(context, *storage, host);
}

// A last checkpoint spares the next start the replay. It is bounded: the log is good without it,
// and a disk that is still busy must not keep the process.
void Server::Impl::checkpoint_and_stop() {
  publisher_thread.runner.post(
      *publisher, runtime::make_message({Port::application, {}}, protocol::Checkpoint{0}));
  if (checkpointed.get_future().wait_for(checkpoint_time) != std::future_status::ready) {
    spdlog::warn("the disk is busy; the next start replays the log");
    spdlog::shutdown();
    _exit(0);
  }
  publisher_thread.stop();
  checkpointer_thread.stop();
  if (const auto stopped = lock_actor->stop_journal(); !stopped)
    spdlog::warn("the lock journal: {}", protocol::sentence(stopped.error()));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServerConfig& config) {
  auto impl = std::make_unique<Impl>(config);
  if (auto ok = impl->open(); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = impl->bind(); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = impl->connect_publisher(); !ok) return tl::make_unexpected(ok.error());
  impl->start_threads();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::vector<std::string>& Server::endpoints() const {
  return impl_->endpoints;
}

void Server::run(runtime::SignalFd& signals) {
  Impl& impl = *impl_;
  Time give_up = runtime::never;
  impl.runner.watch(signals.fd(), [&] {
    if (signals.take() == 0 || give_up != runtime::never) return;
    give_up = runtime::real_time() + finish_time;
    spdlog::info("shutting down");
    impl.runner.call(*impl.broker, [&](Time now, runtime::Outbox& outbox) {
      impl.broker->begin_shutdown(now, outbox);
    });
  });
  impl.runner.run([&] {
    return give_up != runtime::never && (impl.broker->finished() || runtime::real_time() > give_up);
  });
  for (const std::string& line : impl.broker->unfinished()) spdlog::warn("cut off: {}", line);
  const bool workers_ended = impl.workers->stop(workers_time);
  impl.checkpoint_and_stop();
  if (workers_ended) return;
  // One is deep in a copy or a sync. What it does counts for nothing any more.
  spdlog::warn("cut off: a worker that is busy with the disk");
  spdlog::shutdown();
  _exit(0);
}

}  // namespace sluice::broker
