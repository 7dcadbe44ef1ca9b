// One start of sluiced, from recovery to its end: the real actors on simulated threads, connected
// as broker/server.cpp connects them, and with ears for the checkers. And a sluice-worker. Read on:
// run.hpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/broker.hpp"
#include "broker/locks/lock_actor.hpp"
#include "broker/publisher/checkpointer.hpp"
#include "broker/publisher/publisher.hpp"
#include "broker/publisher/replay.hpp"
#include "runtime/secrets.hpp"
#include "tests/sim/canaries.hpp"
#include "tests/sim/histories.hpp"
#include "tests/sim/link.hpp"
#include "tests/sim/lock_checker.hpp"
#include "tests/sim/queue_checker.hpp"
#include "tests/sim/truth.hpp"
#include "tests/sim/watcher.hpp"
#include "tests/support/sim_journal.hpp"
#include "tests/support/sim_storage.hpp"
#include "workers/worker.hpp"

namespace sluice::sim {

/// The dice's secrets.
class SimSecrets final : public runtime::Secrets {
 public:
  explicit SimSecrets(World& world) : world_(world) {}
  std::string bytes(std::size_t size) override;

 private:
  World& world_;
};

/// Everything on the server's machine that outlives a process, and who watches it.
struct Machine {
  explicit Machine(World& world) : truth(world), locks(world), queue(world), histories(world) {}
  /// The server's process is gone; what it wrote stays.
  void crash() {
    log.crash();
    journal.crash();
  }
  void power_loss(testing::Random& random) {
    storage.power_loss(random);
    log.power_loss(random);
    journal.power_loss(random);
  }
  testing::SimFaults faults;
  testing::SimStorage storage{&faults};
  testing::SimLogFiles log{&faults};
  testing::SimJournal journal{&faults};
  Truth truth;
  LockChecker locks;
  WatchChecker watches;
  QueueChecker queue;
  Histories histories;
  Canary canary = Canary::none;
  /// How often the canary has sung: a run in which it never did proves nothing.
  std::uint64_t canary_sang = 0;
};

struct ServerSettings {
  std::uint32_t lease_ms = 3000;
  unsigned threads = 1;
  broker::publisher::PublisherConfig publisher;
  broker::locks::LockDurability locks = broker::locks::LockDurability::full;
};

class Server {
 public:
  /// Recovers and starts. Fails as recovery does; may throw testing::Killed.
  static protocol::Result<std::shared_ptr<Server>> start(World& world, Machine& machine,
                                                         const ServerSettings& settings);
  ~Server();

  std::weak_ptr<Router> clients() const { return clients_; }
  std::weak_ptr<Router> workers() const { return workers_; }
  std::weak_ptr<Router> locks() const { return locks_; }
  const std::vector<std::shared_ptr<Host>>& hosts() const { return hosts_; }
  bool failed() const { return publisher_->failed() || lock_actor_->failed(); }
  std::uint64_t epoch() const { return epoch_; }
  /// Called when a process of it was killed in the middle of a turn.
  std::function<void()> on_killed;

 private:
  Server(World& world, Machine& machine, const ServerSettings& settings,
         broker::publisher::Recovered&& recovered, broker::locks::RecoveredLocks&& locks);
  std::shared_ptr<Host> add_host(const std::string& name, Micros busy_max);
  void add_worker(unsigned index);
  void listen();
  bool lock_actor_sends(Message& message);
  bool lock_actor_hears(Message& message);
  bool publisher_hears(Message& message);
  bool publisher_sends(Message& message);

  World& world_;
  Machine& machine_;
  ServerSettings settings_;
  std::uint64_t epoch_;
  SimSecrets secrets_;
  testing::SimSmallFiles small_files_;
  workers::CachedReader reader_{small_files_};
  Sabotage sabotage_;
  std::unique_ptr<broker::locks::LockActor> lock_actor_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<broker::publisher::Publisher> publisher_;
  std::unique_ptr<broker::publisher::Checkpointer> checkpointer_;
  std::vector<std::unique_ptr<workers::Worker>> thread_workers_;
  std::vector<std::shared_ptr<Host>> hosts_;
  std::shared_ptr<Router> clients_, workers_, locks_;
  std::vector<std::shared_ptr<Dealer>> dealers_;
};

/// A sluice-worker with one thread, on the server's machine.
class WorkerProcess {
 public:
  /// `find` gives the server's routers as they come and go: for jobs, and for locks.
  WorkerProcess(World& world, Machine& machine, const std::string& name, Latency latency,
                std::function<std::weak_ptr<Router>()> find_jobs,
                std::function<std::weak_ptr<Router>()> find_locks);
  ~WorkerProcess();

  Host& host() { return *host_; }
  const std::vector<std::shared_ptr<Dealer>>& dealers() const { return dealers_; }

 private:
  workers::Worker worker_;
  std::shared_ptr<Host> host_;
  std::vector<std::shared_ptr<Dealer>> dealers_;
};

}  // namespace sluice::sim
