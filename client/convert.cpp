// Field by field: see convert.hpp.
#include "client/convert.hpp"

#include <algorithm>

#include "client/agent.hpp"
#include "client/unknown_host.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

Error exception_of(const protocol::Error& error) {
  return {static_cast<std::uint16_t>(error.code), error.path, error.detail};
}

void raise(const protocol::Error& error) {
  if (error.code == protocol::Code::unreachable && error.detail.empty())
    throw exception_of({error.code, error.path, problem_of_host(error.path)});
  throw exception_of(error);
}

Attributes to_public(const protocol::Attributes& attributes) {
  Attributes result;
  result.kind = static_cast<Kind>(attributes.kind);
  result.size_bytes = attributes.size_bytes;
  result.mode = attributes.mode;
  result.mtime_ns = attributes.mtime_ns;
  result.version = attributes.version;
  if (attributes.root) result.digest = protocol::to_hex(*attributes.root);
  return result;
}

LockEntry to_public(const protocol::LockEntry& entry) {
  LockEntry result;
  result.number = entry.number;
  result.order = entry.order;
  result.holder = entry.holder;
  for (const auto& claim : entry.claims)
    result.claims.push_back({claim.path, claim.tree, claim.shared});
  result.age = std::chrono::milliseconds(entry.age_ms);
  result.left = std::chrono::milliseconds(entry.left_ms);
  return result;
}

Events to_public(protocol::WatchReply&& reply) {
  Events result;
  result.next = reply.next;
  result.gap = reply.gap;
  for (protocol::WatchEvent& event : reply.events)
    result.events.push_back({event.version, static_cast<EventKind>(event.kind),
                             std::move(event.path), std::move(event.to_path), event.number,
                             std::move(event.holder), event.tree, event.shared,
                             std::move(event.detail)});
  return result;
}

std::vector<protocol::LockClaim> to_wire(const std::vector<Claim>& claims) {
  std::vector<protocol::LockClaim> result;
  for (const Claim& claim : claims) result.push_back({claim.path, claim.tree, claim.shared});
  return result;
}

protocol::Terms terms_of(const Change& change) {
  protocol::Terms terms;
  terms.token = change.token;
  terms.wait_ms = to_ms(change.wait, protocol::limits::wait_max_ms);
  terms.if_version = change.if_version;
  terms.if_absent = change.if_absent;
  terms.agent = change.agent ? *change.agent : agent_of_this_thread();
  terms.durability = static_cast<protocol::Durability>(change.durability);
  return terms;
}

protocol::ConvertLock conversion(std::string token, bool shared, const Upgrade& how) {
  protocol::ConvertLock body;
  body.token = std::move(token);
  body.shared = shared;
  body.wait_ms = to_ms(how.wait, protocol::limits::wait_max_ms);
  body.agent = how.agent ? *how.agent : agent_of_this_thread();
  return body;
}

protocol::Preserve preserve_of(const Change& change) {
  return {change.mode, change.mtime_ns};
}

std::uint32_t to_ms(std::chrono::milliseconds time, std::uint32_t max_ms) {
  return static_cast<std::uint32_t>(
      std::clamp<std::chrono::milliseconds::rep>(time.count(), 0, max_ms));
}

}  // namespace sluice::client
