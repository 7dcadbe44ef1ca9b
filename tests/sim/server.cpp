// See server.hpp.
#include "tests/sim/server.hpp"

namespace sluice::sim {

using protocol::Type;

namespace {

constexpr Latency inproc{5, 60};

}  // namespace

std::string SimSecrets::bytes(std::size_t size) {
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(world_.pick(256)));
  return bytes;
}

protocol::Result<std::shared_ptr<Server>> Server::start(World& world, Machine& machine,
                                                        const ServerSettings& settings) {
  Sabotage::before_recovery(machine);
  auto recovered = broker::publisher::recover(machine.storage, machine.log);
  if (!recovered) return tl::make_unexpected(recovered.error());
  if (!recovered->notes.empty()) throw Violation{"recovery notes: " + recovered->notes.front()};
  auto locks = broker::locks::LockJournal::recover(
      machine.journal, {false, settings.locks == broker::locks::LockDurability::relaxed,
                        static_cast<std::uint64_t>(world.time().count()), settings.lease_ms});
  if (!locks) return tl::make_unexpected(locks.error());
  if (!locks->damage.empty()) throw Violation{"lock journal: " + locks->damage};
  return std::shared_ptr<Server>(
      new Server(world, machine, settings, std::move(*recovered), std::move(*locks)));
}

Server::Server(World& world, Machine& machine, const ServerSettings& settings,
               broker::publisher::Recovered&& recovered, broker::locks::RecoveredLocks&& locks)
    : world_(world),
      machine_(machine),
      settings_(settings),
      epoch_(recovered.epoch),
      secrets_(world),
      small_files_(machine.storage),
      sabotage_(world, machine, [this](Message&& message) {
        hosts_[0]->arrive(*lock_actor_, std::move(message));
      }) {
  const std::uint64_t first_number = Sabotage::first_number(machine, recovered.first_number);
  machine.watches.begin_life(first_number);
  machine.queue.on_server_begins(recovered.epoch, recovered.first_number);
  lock_actor_ = std::make_unique<broker::locks::LockActor>(
      broker::locks::LockConfig{recovered.epoch, first_number, recovered.reserved_up_to,
                                settings.lease_ms, settings.locks, 0},
      machine.journal, locks.end, secrets_);
  lock_actor_->restore(locks.locks, locks.guard, world.time());
  publisher_ = std::make_unique<broker::publisher::Publisher>(
      settings.publisher, machine.storage, machine.log,
      [this] { return lock_actor_->sync_journal(); }, std::move(recovered));
  checkpointer_ = std::make_unique<broker::publisher::Checkpointer>(machine.storage);
  broker::BrokerConfig config;
  config.epoch = epoch_;
  config.root_identity = machine.storage.identity();
  config.locks_inproc = "inproc";
  config.locks_outside = "outside";
  config.lease_ms = settings.lease_ms;
  config.server = "sim";
  config.reader = &reader_;
  config.relaxed = settings.publisher.durability == protocol::Durability::relaxed;
  broker_ = std::make_unique<broker::Broker>(config);

  const auto main = add_host("main", 100);
  main->add(*broker_);
  main->add(*lock_actor_);
  main->link(*broker_, Port::locks, *lock_actor_, Port::broker);
  clients_ = std::make_shared<Router>(world, main, *broker_, Port::clients);
  workers_ = std::make_shared<Router>(world, main, *broker_, Port::workers);
  locks_ = std::make_shared<Router>(world, main, *lock_actor_, Port::workers);
  const auto publisher = add_host("publisher", 4 * ms);
  publisher->add(*publisher_);
  const auto checkpointer = add_host("checkpoint", 50 * ms);
  checkpointer->add(*checkpointer_);
  connect_pair(world, *main, *lock_actor_, Port::publisher, *publisher, *publisher_, Port::locks,
               inproc);
  connect_pair(world, *publisher, *publisher_, Port::checkpointer, *checkpointer, *checkpointer_,
               Port::publisher, {50, 20 * ms});
  for (unsigned i = 0; i < settings.threads; ++i) add_worker(i);
  listen();
  for (const auto& host : hosts_) host->start();
}

Server::~Server() {
  for (const auto& host : hosts_) host->die();
  for (const auto& dealer : dealers_) dealer->close();
}

std::shared_ptr<Host> Server::add_host(const std::string& name, Micros busy_max) {
  auto host = std::make_shared<Host>(world_, name, busy_max);
  // The host is in the middle of its turn; it goes a moment later.
  host->on_killed = [this] {
    if (on_killed) on_killed();
  };
  hosts_.push_back(host);
  return host;
}

void Server::add_worker(unsigned index) {
  workers::WorkerConfig config;
  config.name = fmt::format("sim/{}", index + 1);
  config.in_process = true;
  thread_workers_.push_back(std::make_unique<workers::Worker>(config, machine_.storage));
  workers::Worker& worker = *thread_workers_.back();
  const auto host = add_host(fmt::format("thread{}", index + 1), ms);
  host->add(worker);
  const auto connect = [&](Port port, const std::shared_ptr<Router>& router) {
    const std::weak_ptr<Router> found = router;
    dealers_.push_back(
        std::make_shared<Dealer>(world_, host, worker, port, inproc, [found] { return found; }));
    dealers_.back()->open();
  };
  connect(Port::broker, workers_);
  connect(Port::locks, locks_);
}

void Server::listen() {
  hosts_[0]->on_sent = [this](Actor& actor, Message& message) {
    return &actor != lock_actor_.get() || lock_actor_sends(message);
  };
  hosts_[0]->on_received = [this](Actor& actor, Message& message) {
    return &actor != lock_actor_.get() || lock_actor_hears(message);
  };
  hosts_[0]->on_turn = [this] { machine_.queue.turn_ended(); };
  hosts_[1]->on_received = [this](Actor&, Message& message) { return publisher_hears(message); };
  hosts_[1]->on_sent = [this](Actor&, Message& message) { return publisher_sends(message); };
}

bool Server::lock_actor_sends(Message& message) {
  if (!sabotage_.lock_actor_sends(message)) return false;
  machine_.queue.sends(message);
  switch (message.header.type) {
    case Type::publish:
      machine_.truth.on_publish(message);
      machine_.locks.on_publish(message);
      machine_.watches.on_publish(message);
      return true;
    case Type::acquire_lock_reply:
      if (machine_.locks.on_granted(message)) {
        const auto reply = protocol::decode<protocol::AcquireLockReply>(message.body);
        machine_.truth.on_number(protocol::parse_token(reply->token)->number);
        machine_.watches.on_granted(protocol::parse_token(reply->token)->number);
      }
      return true;
    case Type::watch_reply:
      machine_.watches.on_told(message);
      return true;
    case Type::release_lock_reply:
      machine_.locks.on_released(message);
      return true;
    case Type::convert_lock_reply:
      machine_.locks.on_converted(message);
      return true;
    case Type::break_lock_reply:
      machine_.locks.on_broken(message);
      return true;
    default:
      return true;
  }
}

// The checkers hear what was sent, the lock actor what sabotage makes of it.
bool Server::lock_actor_hears(Message& message) {
  machine_.queue.hears(message);
  switch (message.header.type) {
    case Type::acquire_lock:
      machine_.locks.on_acquire(message);
      break;
    case Type::release_lock:
      machine_.locks.on_release(message);
      break;
    case Type::convert_lock:
      machine_.locks.on_convert(message);
      break;
    case Type::break_lock:
      machine_.locks.on_break(message);
      break;
    case Type::published:
      machine_.locks.on_published(message);
      machine_.watches.on_published(message);
      break;
    case Type::watch:
      machine_.watches.on_watch(message);
      break;
    default:
      break;
  }
  return sabotage_.lock_actor_hears(message);
}

bool Server::publisher_hears(Message& message) {
  sabotage_.publisher_hears(message);
  return true;
}

bool Server::publisher_sends(Message& message) {
  sabotage_.publisher_sends(message);
  if (message.header.type == Type::published) machine_.truth.on_published(message);
  return true;
}

WorkerProcess::WorkerProcess(World& world, Machine& machine, const std::string& name,
                             Latency latency, std::function<std::weak_ptr<Router>()> find_jobs,
                             std::function<std::weak_ptr<Router>()> find_locks)
    : worker_(workers::WorkerConfig{name, protocol::limits::worker_slots, false}, machine.storage),
      host_(std::make_shared<Host>(world, name, 2 * ms)) {
  host_->add(worker_);
  for (const auto& [port, find] :
       {std::pair{Port::broker, find_jobs}, std::pair{Port::locks, find_locks}}) {
    dealers_.push_back(std::make_shared<Dealer>(world, host_, worker_, port, latency, find));
    dealers_.back()->open();
  }
  host_->start();
}

WorkerProcess::~WorkerProcess() {
  host_->die();
  for (const auto& dealer : dealers_) dealer->close();
}

}  // namespace sluice::sim
