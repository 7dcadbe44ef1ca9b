// The pulse of a worker process: tells the broker which of its workers live while they themselves
// are deep in a copy or a sync and give no sign. A process that is stopped or killed has no pulse.
// An actor on a thread of its own. Read on: workers/host.cpp; docs/protocol.md, "worker_heartbeat".
#pragma once

#include <cstdint>
#include <map>

#include "runtime/actor.hpp"

namespace sluice::workers {

class Pulse final : public runtime::Actor {
 public:
  /// `worker_known` from the process itself: the worker of the stamp's job has this number now.
  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override;
  void on_tick(runtime::Time now, runtime::Outbox& outbox) override;
  runtime::Time next_tick() const override { return next_tick_; }

 private:
  std::map<std::uint64_t, std::uint64_t> numbers_;
  runtime::Time next_tick_{};
};

}  // namespace sluice::workers
