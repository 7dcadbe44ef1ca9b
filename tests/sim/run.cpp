// See run.hpp.
#include "tests/sim/run.hpp"

#include <algorithm>

#include "storage/names.hpp"

namespace sluice::sim {

using testing::DiskCall;

namespace {

class Run {
 public:
  explicit Run(const RunOptions& options);
  void all();
  void report(RunResult& result) const;

 private:
  // the server's machine
  void start_server();
  void stop_server(bool power);
  void restart_later(Micros longest);
  void start_worker_process(std::size_t index);
  // faults
  void plan_fault();
  void some_fault();
  void fail_disk();
  void pause_something();
  void break_something();
  // phases
  template <class Done>
  void run_until(Done done, Micros limit, const std::string& what);
  void work();
  void calm();
  bool server_is_well() const;
  void finish();
  void sweep(bool all, bool kept_too);
  void restart_once_more(bool power);
  std::string who_waits() const;

  RunOptions options_;
  World world_;
  Machine machine_;
  ServerSettings settings_;
  Latency outside_;
  bool faults_ = true;
  Micros fault_distance_;
  std::uint64_t crashes_ = 0;
  std::uint64_t power_losses_ = 0;
  bool starting_ = false;
  bool disk_failed_ = false;
  bool disk_failed_lately_ = false;
  bool power_lost_lately_ = false;
  std::shared_ptr<Server> server_;
  // A server whose log has failed, and somebody has seen it.
  std::weak_ptr<Server> noticed_;
  std::vector<std::unique_ptr<WorkerProcess>> processes_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<Watcher> watcher_;
};

Run::Run(const RunOptions& options)
    : options_(options), world_(options.seed), machine_(world_), fault_distance_(0) {
  world_.trace_last(options.trace_lines);
  machine_.canary = options.canary;
  settings_.lease_ms = static_cast<std::uint32_t>(1000 + world_.pick(4000));
  settings_.threads = static_cast<unsigned>(world_.pick(3));
  auto& publisher = settings_.publisher;
  publisher.batch_commits = world_.dice(30) ? 1 + world_.pick(4) : 512;
  publisher.checkpoint_bytes = world_.dice(50) ? 500 + world_.pick(5000) : 1u << 20;
  publisher.checkpoint_every = Time(500 + static_cast<Time::rep>(world_.pick(20'000)));
  // No dice of its own, as before.
  if (options.seed % 4 == 0) {
    publisher.durability = protocol::Durability::relaxed;
    // So that a power loss finds more of them.
    publisher.relaxed_sync_every = Time(5'000);
  }
  // A small disk, now and then: commits wait while a checkpoint is under way.
  if (options.seed % 5 == 0) machine_.log.set_share(500 + options.seed % 7 * 1000);
  machine_.truth.relaxed_server(options.seed % 4 == 0);
  machine_.truth.on_lost = [this](const std::string& path, const protocol::Digest* root) {
    machine_.histories.lost(path, root);
  };
  outside_ = world_.dice(70) ? Latency{30, 600} : Latency{200, 60 * ms};
  fault_distance_ =
      world_.dice(20) ? 60 * second : 200 * ms + static_cast<Micros>(world_.pick(4 * second));

  std::size_t processes = world_.pick(3);
  if (settings_.threads == 0 && processes == 0) processes = 1;
  processes_.resize(processes);
  start_server();
  for (std::size_t i = 0; i < processes; ++i) start_worker_process(i);

  ClientSettings client;
  client.files = {"a", "b", "d/x", "d/y", "e/x", "d/f/z"};
  client.files.resize(2 + world_.pick(5));
  client.directories = {"d", "e", "d/f"};
  client.latency = outside_;
  client.locks_percent = world_.dice(20) ? 0 : static_cast<unsigned>(5 + world_.pick(30));
  client.large_percent = world_.dice(80) ? 0 : 10;
  for (unsigned i = 0, count = 1 + static_cast<unsigned>(world_.pick(4)); i < count; ++i) {
    client.index = i;
    client.lease_ms = world_.dice(50) ? 0 : static_cast<std::uint32_t>(500 + world_.pick(4000));
    client.requests_at_once = static_cast<unsigned>(1 + world_.pick(4));
    clients_.push_back(std::make_unique<Client>(world_, machine_, client, [this] {
      return server_ ? server_->clients() : std::weak_ptr<Router>{};
    }));
  }
  watcher_ = std::make_unique<Watcher>(
      world_, outside_, [this] { return server_ ? server_->clients() : std::weak_ptr<Router>{}; });
}

// --- the server's machine ---

void Run::start_server() {
  starting_ = false;
  // Recovery may itself be interrupted.
  if (faults_ && world_.dice(10)) machine_.faults.kill_after(1 + world_.pick(20));
  try {
    auto started = Server::start(world_, machine_, settings_);
    machine_.faults.clear();
    if (!started) {
      if (!faults_)
        throw Violation{fmt::format("the server does not start: {} {} {}",
                                    protocol::name(started.error().code), started.error().path,
                                    started.error().detail)};
      world_.trace("server: recovery fails: {}", started.error().detail);
      machine_.crash();
      return restart_later(second);
    }
    server_ = *started;
  } catch (const testing::Killed&) {
    world_.trace("server: killed in recovery");
    if (world_.dice(50)) {
      ++power_losses_;
      power_lost_lately_ = true;
      machine_.power_loss(world_.random());
    } else {
      machine_.crash();
    }
    return restart_later(100 * ms);
  }
  world_.trace("server: epoch {} begins", server_->epoch());
  machine_.queue.on_server_back(Time(settings_.lease_ms));
  machine_.truth.on_recovered(machine_.storage, std::exchange(disk_failed_lately_, false),
                              std::exchange(power_lost_lately_, false));
  server_->on_killed = [this] {
    world_.after(0, [this, dying = std::weak_ptr(server_)] {
      if (server_ && dying.lock() == server_) stop_server(world_.dice(50));
    });
  };
}

void Run::stop_server(bool power) {
  if (!server_) return;
  world_.trace("server: {}", power ? "POWER LOSS" : "killed");
  ++(power ? power_losses_ : crashes_);
  server_.reset();
  machine_.faults.clear();
  machine_.truth.on_server_gone();
  machine_.locks.on_server_gone(power);
  machine_.queue.on_server_gone(power);
  if (power) {
    for (auto& process : processes_) process.reset();
    power_lost_lately_ = true;
    machine_.power_loss(world_.random());
    for (std::size_t i = 0; i < processes_.size(); ++i)
      world_.after(world_.delay(0, 5 * second), [this, i] { start_worker_process(i); });
  } else {
    machine_.crash();
  }
  restart_later(3 * second);
}

void Run::restart_later(Micros longest) {
  if (std::exchange(starting_, true)) return;
  world_.after(world_.delay(ms, longest), [this] { start_server(); });
}

void Run::start_worker_process(std::size_t index) {
  if (processes_[index]) return;
  auto& process = processes_[index];
  process = std::make_unique<WorkerProcess>(
      world_, machine_, fmt::format("worker{}", index + 1), outside_,
      [this] { return server_ ? server_->workers() : std::weak_ptr<Router>{}; },
      [this] { return server_ ? server_->locks() : std::weak_ptr<Router>{}; });
  process->host().on_killed = [this, index] {
    world_.after(0, [this, index] { processes_[index].reset(); });
    world_.after(world_.delay(ms, 2 * second), [this, index] { start_worker_process(index); });
  };
}

// --- faults ---

void Run::plan_fault() {
  world_.after(world_.delay(0, 2 * fault_distance_), [this] {
    if (!faults_) return;
    some_fault();
    plan_fault();
  });
}

void Run::some_fault() {
  switch (world_.pick(16)) {
    case 0:
    case 1:
      return stop_server(world_.dice(60));
    case 2:
    case 3:
      // In the middle of whatever is done then.
      return machine_.faults.kill_after(1 + world_.pick(60));
    case 4: {
      if (processes_.empty()) return;
      auto& process = processes_[world_.pick(processes_.size())];
      if (process) {
        world_.trace("{} is killed", process->host().name());
        process->host().die();
        process->host().on_killed();
      }
      return;
    }
    case 5: {
      Client& client = *clients_[world_.pick(clients_.size())];
      return client.restart();
    }
    case 6:
    case 7:
      return fail_disk();
    case 8:
    case 9:
    case 10:
    case 11:
      return pause_something();
    default:
      return break_something();
  }
}

void Run::fail_disk() {
  const auto call =
      static_cast<DiskCall>(world_.pick(static_cast<std::uint64_t>(DiskCall::count_)));
  const auto code = world_.dice(50) ? protocol::Code::no_space : protocol::Code::io_error;
  disk_failed_ = disk_failed_lately_ = true;
  world_.trace("disk: call {} will fail: {}", static_cast<int>(call), protocol::name(code));
  machine_.faults.fail_next(call, static_cast<int>(1 + world_.pick(3)), code);
}

void Run::pause_something() {
  const Micros until = world_.now() + world_.delay(ms, world_.dice(20) ? 12 * second : second);
  const auto pause = [&](Host& host) {
    world_.trace("{} is stopped until {:.3f}", host.name(), static_cast<double>(until) / ms);
    host.pause_until(until);
    if (server_ && &host == server_->hosts()[0].get())
      machine_.queue.on_pause(Time(until / ms), Time(settings_.lease_ms));
  };
  switch (world_.pick(4)) {
    case 0:
      return pause(clients_[world_.pick(clients_.size())]->host());
    case 1:
      if (!processes_.empty())
        if (const auto& process = processes_[world_.pick(processes_.size())])
          return pause(process->host());
      return;
    case 2:
      if (server_) pause(*server_->hosts()[world_.pick(server_->hosts().size())]);
      return;
    default:
      if (server_)
        for (const auto& host : server_->hosts()) pause(*host);
  }
}

void Run::break_something() {
  std::vector<std::shared_ptr<Dealer>> dealers;
  for (const auto& client : clients_)
    dealers.insert(dealers.end(), client->dealers().begin(), client->dealers().end());
  dealers.insert(dealers.end(), watcher_->dealers().begin(), watcher_->dealers().end());
  for (const auto& process : processes_)
    if (process)
      dealers.insert(dealers.end(), process->dealers().begin(), process->dealers().end());
  Dealer& dealer = *dealers[world_.pick(dealers.size())];
  if (world_.dice(20)) return dealer.fill_until(world_.now() + world_.delay(ms, 2 * second));
  dealer.break_connection(world_.delay(ms, world_.dice(20) ? 6 * second : 300 * ms));
}

// --- phases ---

template <class Done>
void Run::run_until(Done done, Micros limit, const std::string& what) {
  const Micros until = world_.now() + limit;
  while (!done()) {
    if (!world_.step(until))
      throw Violation{
          fmt::format("{} took longer than {} s: {}", what, limit / second, who_waits())};
    if (world_.steps() > options_.max_steps)
      throw Violation{
          fmt::format("{}: no end after {} steps: {}", what, world_.steps(), who_waits())};
    if (server_ && server_->failed() && noticed_.lock() != server_) {
      // The operator sees it in a while.
      noticed_ = server_;
      world_.after(world_.delay(100 * ms, 2 * second), [this] {
        if (server_ && noticed_.lock() == server_) stop_server(world_.dice(50));
      });
    }
    if (machine_.log.misused()) throw Violation{"the log was used after a sync had failed"};
    if (machine_.storage.misused()) throw Violation{"a sync of the tree was told that was not"};
  }
}

std::string Run::who_waits() const {
  std::string text;
  for (const auto& client : clients_)
    if (!client->idle()) text += client->host().name() + ": " + client->waits_for();
  for (const std::string& name : machine_.storage.litter()) text += " " + name;
  for (const std::string& name : machine_.storage.trash()) text += " trash/" + name;
  return text;
}

void Run::work() {
  for (const auto& client : clients_) client->work(static_cast<unsigned>(20 + world_.pick(100)));
  plan_fault();
  const Micros until = world_.now() + 60 * second;
  run_until(
      [&] {
        return world_.now() > until ||
               std::all_of(clients_.begin(), clients_.end(),
                           [](const auto& client) { return client->idle(); });
      },
      120 * second, "the work");
}

bool Run::server_is_well() const {
  return server_ && !server_->failed() &&
         std::none_of(server_->hosts().begin(), server_->hosts().end(),
                      [](const auto& host) { return host->paused(); });
}

// No more faults; everything that was asked for must come to an end.
void Run::calm() {
  faults_ = false;
  machine_.faults.clear();
  for (const auto& client : clients_) client->stop();
  run_until(
      [&] {
        return server_is_well() && std::all_of(clients_.begin(), clients_.end(),
                                               [](const auto& client) { return client->idle(); });
      },
      200 * second, "answering everything");
  machine_.truth.check_tree(machine_.storage, "when all was answered");
  run_until([&] { return watcher_->position() >= machine_.watches.last(); }, 100 * second,
            "telling the watcher everything");
  watcher_->die();
}

void Run::finish() {
  // Some say goodbye, some are just gone: their locks have to be free all the same.
  for (const auto& client : clients_) world_.dice(50) ? client->say_bye() : client->die();
  ClientSettings last;
  last.index = 99;
  last.files = {"last"};
  last.directories = {"d"};
  last.latency = {30, 600};
  Client everything(world_, machine_, last,
                    [this] { return server_ ? server_->clients() : std::weak_ptr<Router>{}; });
  bool done = false;
  everything.take_all([&] { done = true; });
  run_until([&] { return done; }, 100 * second, "locking everything");
  everything.say_bye();
  for (const auto& client : clients_) client->die();
  sweep(!disk_failed_, false);
  machine_.truth.check_tree(machine_.storage, "at the end");
  // What is kept is old from here on: each start drops it.
  machine_.storage.set_now(std::chrono::nanoseconds(std::chrono::hours(2)).count());
  for (const bool power : {false, true, true}) restart_once_more(power);
  everything.die();
  sweep(true, true);
  machine_.histories.check(
      [this](std::uint64_t number) { return Micros{machine_.locks.ended(number).count()} * ms; });
}

// What the publisher could not drop because the disk failed, and a trash that could not be emptied,
// wait for the next start; kept uploads that nobody has ended wait until they are old.
void Run::sweep(bool all, bool kept_too) {
  const std::string kept = "staging/" + storage::session_prefix(storage::kept_session);
  const auto may_stay = [&](const std::string& name) {
    return (!all && name.starts_with("claimed/")) || (!kept_too && name.starts_with(kept));
  };
  run_until(
      [&] {
        const auto litter = machine_.storage.litter();
        return std::all_of(litter.begin(), litter.end(), may_stay) &&
               (!all || machine_.storage.trash().empty());
      },
      60 * second, "sweeping");
}

void Run::restart_once_more(bool power) {
  stop_server(power);
  run_until([&] { return server_ != nullptr; }, 10 * second, "starting again");
  machine_.truth.check_tree(machine_.storage, "after the last restarts");
  // Some time for the checkpointer to be caught in the middle.
  const Micros until = world_.now() + world_.delay(0, second);
  run_until([&] { return world_.now() >= until || !world_.step(until); }, 2 * second, "waiting");
}

void Run::all() {
  work();
  calm();
  finish();
}

void Run::report(RunResult& result) const {
  result.steps = world_.steps();
  result.virtual_seconds = static_cast<double>(world_.now()) / second - 1000;
  result.commits = machine_.truth.commits();
  result.relaxed = machine_.truth.relaxed();
  result.lost = machine_.truth.lost();
  result.grants = machine_.locks.grants();
  result.crashes = crashes_;
  result.power_losses = power_losses_;
  result.canary_sang = machine_.canary_sang;
  result.operations = machine_.histories.operations();
  result.undecided = machine_.histories.undecided();
  for (const auto& client : clients_)
    for (const auto& [outcome, count] : client->outcomes) result.outcomes[outcome] += count;
  result.trace = world_.traced();
}

}  // namespace

RunResult run(const RunOptions& options) {
  RunResult result;
  Run run(options);
  try {
    run.all();
  } catch (const Violation& violation) {
    result.violation = violation.what;
  }
  run.report(result);
  return result;
}

}  // namespace sluice::sim
