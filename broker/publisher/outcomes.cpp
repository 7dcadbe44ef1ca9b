// Remembered outcomes: see outcomes.hpp.
#include "broker/publisher/outcomes.hpp"

#include <algorithm>
#include <utility>

namespace sluice::broker::publisher {
namespace {

constexpr std::size_t entry_bytes = 24;

void put_integer(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint64_t integer_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(at, 8)) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

Outcomes::Session& Outcomes::use(std::uint64_t session) {
  const auto found = sessions_.find(session);
  if (found != sessions_.end()) {
    uses_.splice(uses_.end(), uses_, found->second.use);
    return found->second;
  }
  Session& added = sessions_[session];
  added.use = uses_.insert(uses_.end(), session);
  bytes_ += session_bytes;
  return added;
}

std::size_t Outcomes::bytes_of(const One& one) {
  if (!one.failure) return outcome_bytes;
  return outcome_bytes + sizeof *one.failure + one.failure->path.size() +
         one.failure->detail.size();
}

void Outcomes::make_room() {
  while (bytes_ > max_bytes_ && uses_.size() > 1) {
    const auto oldest = sessions_.find(uses_.front());
    for (const One& one : oldest->second.ring) bytes_ -= bytes_of(one);
    bytes_ -= session_bytes;
    sessions_.erase(oldest);
    uses_.pop_front();
  }
}

Outcomes::One* Outcomes::find_in(Session& session, std::uint64_t request_id) {
  if (request_id > session.highest_id) return nullptr;
  const auto found = std::find_if(session.ring.begin(), session.ring.end(),
                                  [&](const One& one) { return one.request_id == request_id; });
  return found == session.ring.end() ? nullptr : &*found;
}

void Outcomes::remember(std::uint64_t session, std::uint64_t request_id,
                        const protocol::Published& outcome) {
  Session& of = use(session);
  if (find_in(of, request_id)) return;
  One one{request_id, outcome.version, outcome.trash, nullptr};
  if (outcome.code != 0) one.failure = std::make_unique<protocol::Published>(outcome);
  of.highest_id = std::max(of.highest_id, request_id);
  bytes_ += bytes_of(one);
  if (of.ring.size() < per_session_) {
    of.ring.push_back(std::move(one));
  } else {
    bytes_ -= bytes_of(of.ring[of.oldest]);
    of.ring[of.oldest] = std::move(one);
    of.oldest = (of.oldest + 1) % of.ring.size();
  }
  make_room();
}

std::optional<protocol::Published> Outcomes::find(std::uint64_t session, std::uint64_t request_id) {
  if (!sessions_.contains(session)) return std::nullopt;
  const One* one = find_in(use(session), request_id);
  if (!one) return std::nullopt;
  protocol::Published outcome;
  if (one->failure) outcome = *one->failure;
  outcome.version = one->version;
  outcome.trash = one->trash;
  outcome.remembered = true;
  return outcome;
}

void Outcomes::forget(std::uint64_t session, std::uint64_t request_id) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  std::vector<One>& ring = found->second.ring;
  std::rotate(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(found->second.oldest),
              ring.end());
  found->second.oldest = 0;
  std::erase_if(ring, [&](const One& one) {
    if (one.request_id != request_id) return false;
    bytes_ -= bytes_of(one);
    return true;
  });
}

void Outcomes::bound(std::size_t bytes) {
  max_bytes_ = bytes;
  make_room();
}

std::vector<std::string> Outcomes::chunks(std::size_t chunk_bytes) const {
  std::vector<std::string> chunks;
  for (const std::uint64_t session : uses_) {
    const Session& of = sessions_.at(session);
    for (std::size_t i = 0; i < of.ring.size(); ++i) {
      const One& one = of.ring[(of.oldest + i) % of.ring.size()];
      if (one.failure) continue;
      if (chunks.empty() || chunks.back().size() + entry_bytes > chunk_bytes) chunks.emplace_back();
      put_integer(chunks.back(), session);
      put_integer(chunks.back(), one.request_id);
      put_integer(chunks.back(), one.version);
    }
  }
  return chunks;
}

void Outcomes::add_chunk(std::string_view data) {
  for (; data.size() >= entry_bytes; data.remove_prefix(entry_bytes)) {
    protocol::Published outcome;
    outcome.version = integer_at(data, 16);
    remember(integer_at(data, 0), integer_at(data, 8), outcome);
  }
}

std::size_t Outcomes::size() const {
  std::size_t size = 0;
  for (const auto& [session, of] : sessions_) size += of.ring.size();
  return size;
}

}  // namespace sluice::broker::publisher
