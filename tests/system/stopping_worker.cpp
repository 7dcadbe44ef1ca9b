// A sluice-worker with a fault point: with its first commit in hand it stops itself (SIGSTOP)
// before that is sent, once, and goes on when somebody continues it. Only this test program has the
// fault point. Arguments: ROOT JOIN.
#include <signal.h>

#include <cstdio>
#include <thread>

#include "protocol/limits.hpp"
#include "runtime/poller.hpp"
#include "runtime/runner.hpp"
#include "runtime/signals.hpp"
#include "storage/posix_storage.hpp"
#include "workers/host.hpp"

namespace {

using namespace sluice;
using runtime::Outbox;
using runtime::Time;

class StoppingWorker final : public runtime::Actor {
 public:
  explicit StoppingWorker(storage::Storage& storage) : worker_({.name = "stopping"}, storage) {}

  void on_message(runtime::Message&& message, Time now, Outbox& outbox) override {
    worker_.on_message(std::move(message), now, outbox_);
    hand_on(outbox);
  }
  void on_tick(Time now, Outbox& outbox) override {
    worker_.on_tick(now, outbox_);
    hand_on(outbox);
  }
  Time next_tick() const override { return worker_.next_tick(); }

  const workers::Worker& worker() const { return worker_; }

 private:
  void hand_on(Outbox& outbox) {
    for (runtime::Message& message : outbox_.take()) {
      if (!stopped_ && message.header.type == protocol::Type::commit) {
        stopped_ = true;
        std::printf("stopping\n");
        std::fflush(stdout);
        raise(SIGSTOP);
      }
      outbox.send(std::move(message));
    }
  }

  workers::Worker worker_;
  Outbox outbox_;
  bool stopped_ = false;
};

bool attach(runtime::Runner& runner, StoppingWorker& worker, runtime::Port port,
            const std::string& endpoint) {
  runtime::SocketConfig config;
  config.connect = {endpoint};
  config.max_frame_bytes = protocol::limits::frame_bytes;
  return runner.attach(worker, port, config).has_value();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  runtime::SignalFd signals{SIGTERM};
  auto root = storage::prepare_root(argv[1], storage::Role::worker);
  if (!root) {
    std::fprintf(stderr, "%s\n", protocol::sentence(root.error()).c_str());
    return 1;
  }
  storage::PosixStorage storage(*root);
  StoppingWorker worker(storage);
  runtime::Context context;
  runtime::Runner runner(context);
  if (!attach(runner, worker, runtime::Port::broker, argv[2])) return 1;
  runner.watch(signals.fd(), [&] { runner.stop(); });
  bool joined = false;
  runner.run([&] {
    const std::string& locks = worker.worker().locks_endpoint();
    if (joined || locks.empty()) return false;
    joined = true;
    return !attach(runner, worker, runtime::Port::locks,
                   workers::locks_endpoint_for(argv[2], locks));
  });
  return 0;
}
