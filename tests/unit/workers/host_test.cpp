// Where a worker looks for the lock actor, and a host of workers whose broker refuses them.
#include "workers/host.hpp"

#include <poll.h>

#include "protocol/messages/workers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sim_storage.hpp"

using namespace sluice;
using workers::locks_endpoint_for;

TEST_CASE("over tcp the lock actor is at the broker's host as the worker knows it", "[host]") {
  CHECK(locks_endpoint_for("tcp://server:6000", "tcp://0.0.0.0:6001") == "tcp://server:6001");
  CHECK(locks_endpoint_for("tcp://[::1]:6000", "tcp://[::]:6001") == "tcp://[::1]:6001");
  CHECK(locks_endpoint_for("ipc:///run/w", "ipc:///run/w.locks") == "ipc:///run/w.locks");
  CHECK(locks_endpoint_for("inproc://workers", "inproc://locks") == "inproc://locks");
}

namespace {

// A broker of another root: it refuses every worker.
class Refusing final : public runtime::Actor {
 public:
  void on_message(runtime::Message&& message, runtime::Time, runtime::Outbox& outbox) override {
    if (message.header.type == protocol::Type::worker_hello)
      outbox.send(runtime::make_error(message, {protocol::Code::wrong_root, "root", {}}));
  }
  void on_tick(runtime::Time, runtime::Outbox&) override {}
  runtime::Time next_tick() const override { return runtime::never; }
};

bool readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, 10'000) == 1;
}

}  // namespace

TEST_CASE("a host tells when and why its workers were refused", "[host]") {
  runtime::Context context;
  runtime::Runner runner(context);
  Refusing refusing;
  runtime::SocketConfig config;
  config.kind = runtime::SocketConfig::Kind::router;
  config.bind = {"inproc://refusing"};
  REQUIRE(runner.attach(refusing, runtime::Port::workers, config));
  std::thread thread([&] { runner.run(); });
  {
    testing::SimStorage disk;
    workers::Host host(context, disk, {"inproc://refusing", "test", 1, true});
    CHECK(readable(host.ended_fd()));
    host.stop();
    REQUIRE(host.failure());
    CHECK(host.failure()->code == protocol::Code::wrong_root);
  }
  runner.stop();
  thread.join();
}

TEST_CASE("a host without anything wrong stops when it is told", "[host]") {
  runtime::Context context;
  testing::SimStorage disk;
  workers::Host host(context, disk, {"inproc://nobody-there-yet", "test", 1, true});
  host.stop();
  host.stop();
  CHECK_FALSE(host.failure());
}

TEST_CASE("an endpoint that cannot be used is a failure", "[host]") {
  runtime::Context context;
  testing::SimStorage disk;
  workers::Host host(context, disk, {"nonsense://", "test", 2, false});
  CHECK(readable(host.ended_fd()));
  host.stop();
  CHECK(host.failure());
}
