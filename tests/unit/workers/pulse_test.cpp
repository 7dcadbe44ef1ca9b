// The pulse of a worker process: what it says, and of whom.
#include "workers/pulse.hpp"

#include "protocol/messages/workers.hpp"
#include "tests/support/actor_probe.hpp"

using namespace sluice;
using runtime::Time;

TEST_CASE("the pulse tells of all workers by their latest numbers", "[pulse]") {
  const runtime::Peer broker{runtime::Port::broker, {}};
  const runtime::Peer process{runtime::Port::application, {}};
  workers::Pulse pulse;
  tests::ActorProbe probe(pulse);
  probe.advance(Time{1'000});
  probe.expect_silence();
  auto number = [&](std::uint64_t worker, std::uint64_t number) {
    probe.tell(runtime::make_message(process, protocol::WorkerKnown{number}, 0, {0, worker, 0}));
  };
  number(1, 7);
  number(2, 8);
  number(1, 9);
  probe.expect_silence();
  probe.advance(Time{500});
  CHECK(probe.expect<protocol::WorkerHeartbeat>(broker).body.workers ==
        std::vector<std::uint64_t>{9, 8});
  probe.expect_silence();
}
