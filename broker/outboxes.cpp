// See outboxes.hpp.
#include "broker/outboxes.hpp"

#include "protocol/limits.hpp"

namespace sluice::broker {

namespace {

// With what keeping it costs: errors have hardly a body.
std::size_t size_of(const runtime::Message& message) {
  return sizeof(message) + message.body.size() + message.payload.size();
}

}  // namespace

bool Outboxes::add(runtime::Message&& message) {
  Box& box = boxes_[message.peer.id];
  const std::size_t size = size_of(message);
  // One answer always fits, however large: a box is given up only when answers pile up.
  if (!box.messages.empty() && box.bytes + size > protocol::limits::outbox_bytes) return false;
  box.bytes += size;
  box.messages.push_back(std::move(message));
  return true;
}

std::vector<runtime::Message> Outboxes::take_some() {
  std::vector<runtime::Message> some;
  for (auto at = boxes_.begin(); at != boxes_.end();) {
    Box& box = at->second;
    for (std::size_t i = 0; i < tries && !box.messages.empty(); ++i) {
      box.bytes -= size_of(box.messages.front());
      some.push_back(std::move(box.messages.front()));
      box.messages.pop_front();
    }
    at = box.messages.empty() ? boxes_.erase(at) : std::next(at);
  }
  return some;
}

}  // namespace sluice::broker
