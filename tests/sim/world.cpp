// See world.hpp.
#include "tests/sim/world.hpp"

#include "protocol/types.hpp"

namespace sluice::sim {

bool World::step(Micros until) {
  if (events_.empty() || events_.top().when > until) {
    now_ = std::max(now_, until);
    return false;
  }
  // The queue gives its top out as const; the function is moved, and the event is gone at once.
  auto& top = const_cast<Event&>(events_.top());
  now_ = top.when;
  const std::function<void()> what = std::move(top.what);
  events_.pop();
  ++steps_;
  what();
  return true;
}

Micros World::delay(Micros from, Micros to) {
  const std::uint64_t span = static_cast<std::uint64_t>(to - from) + 1;
  const std::uint64_t far = pick(8) == 0 ? span : span / 8 + 1;
  return from + static_cast<Micros>(pick(far));
}

void World::keep(std::string line) {
  traced_.push_back(
      fmt::format("{:>6} {:>12.3f} {}", steps_, static_cast<double>(now_) / ms, line));
  if (traced_.size() > trace_lines_) traced_.pop_front();
}

std::string describe(const Message& message) {
  std::string text(protocol::name(message.header.type));
  text += fmt::format(" #{}", message.header.request_id);
  if (message.header.attempt != 0) text += fmt::format(".{}", message.header.attempt);
  if (message.stamp.session != 0) text += fmt::format(" s{:x}", message.stamp.session & 0xffff);
  if (message.stamp.job != 0) text += fmt::format(" j{}", message.stamp.job);
  if (message.stamp.number != 0) text += fmt::format(" n{}", message.stamp.number);
  if (!message.payload.empty()) text += fmt::format(" +{}", message.payload.size());
  std::string body;
  for (const char c : message.body.substr(0, 120)) body += c >= 0x20 && c < 0x7f ? c : '.';
  return text + " " + body;
}

}  // namespace sluice::sim
