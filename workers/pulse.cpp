// See pulse.hpp.
#include "workers/pulse.hpp"

#include "protocol/limits.hpp"
#include "protocol/messages/workers.hpp"

namespace sluice::workers {

void Pulse::on_message(runtime::Message&& message, runtime::Time, runtime::Outbox&) {
  if (message.peer.port != runtime::Port::application) return;
  const auto known = protocol::decode<protocol::WorkerKnown>(message.body);
  if (known) numbers_[message.stamp.job] = known->worker;
}

void Pulse::on_tick(runtime::Time now, runtime::Outbox& outbox) {
  next_tick_ = now + runtime::Time(protocol::limits::worker_heartbeat_ms);
  if (numbers_.empty()) return;
  protocol::WorkerHeartbeat heartbeat;
  for (const auto& [worker, number] : numbers_) heartbeat.workers.push_back(number);
  outbox.send(runtime::make_message({runtime::Port::broker, {}}, heartbeat));
}

}  // namespace sluice::workers
