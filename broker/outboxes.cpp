// See outboxes.hpp.
#include "broker/outboxes.hpp"

#include "protocol/limits.hpp"

namespace sluice::broker {

bool Outboxes::add(runtime::Message&& message) {
  Box& box = boxes_[message.peer.id];
  const std::size_t size = message.body.size() + message.payload.size();
  // One answer always fits, however large: a box is given up only when answers pile up.
  if (!box.messages.empty() && box.bytes + size > protocol::limits::outbox_bytes) return false;
  box.bytes += size;
  box.messages.push_back(std::move(message));
  return true;
}

std::vector<runtime::Message> Outboxes::take_all() {
  std::vector<runtime::Message> all;
  for (auto& [peer, box] : boxes_)
    for (runtime::Message& message : box.messages) all.push_back(std::move(message));
  boxes_.clear();
  return all;
}

}  // namespace sluice::broker
