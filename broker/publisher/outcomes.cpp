// Remembered outcomes: see outcomes.hpp.
#include "broker/publisher/outcomes.hpp"

#include <algorithm>
#include <iterator>

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

void Outcomes::make_room() {
  while (bytes_ > max_bytes_ && uses_.size() > 1) {
    const auto oldest = sessions_.find(uses_.front());
    bytes_ -= session_bytes + oldest->second.ring.size() * outcome_bytes;
    sessions_.erase(oldest);
    uses_.pop_front();
  }
}

std::size_t Outcomes::bytes_of(const Failure& failure) {
  return failure_bytes + failure.outcome.path.size() + failure.outcome.detail.size();
}

void Outcomes::drop_failure(std::list<Failure>::iterator failure) {
  failures_bytes_ -= bytes_of(*failure);
  failed_.erase(failure->request);
  failures_.erase(failure);
}

Outcomes::One* Outcomes::find_in(Session& session, std::uint64_t request_id) {
  if (request_id > session.highest_id) return nullptr;
  const auto found = std::find_if(session.ring.begin(), session.ring.end(),
                                  [&](const One& one) { return one.request_id == request_id; });
  return found == session.ring.end() ? nullptr : &*found;
}

// A session that does nothing but fail or ask is used by that as well.
Outcomes::One* Outcomes::find_success(const Request& request) {
  if (!sessions_.contains(request.session)) return nullptr;
  return find_in(use(request.session), request.request_id);
}

void Outcomes::remember(std::uint64_t session, std::uint64_t request_id,
                        const protocol::Published& outcome) {
  const Request request{session, request_id};
  if (failed_.contains(request) || find_success(request)) return;
  if (outcome.code == 0)
    remember_success(request, outcome);
  else
    remember_failure(request, outcome);
}

void Outcomes::remember_success(const Request& request, const protocol::Published& outcome) {
  Session& of = use(request.session);
  const One one{request.request_id, outcome.version, outcome.trash};
  of.highest_id = std::max(of.highest_id, request.request_id);
  if (of.ring.size() < per_session_) {
    of.ring.push_back(one);
    bytes_ += outcome_bytes;
  } else {
    of.ring[of.oldest] = one;
    of.oldest = (of.oldest + 1) % of.ring.size();
  }
  make_room();
}

void Outcomes::remember_failure(const Request& request, const protocol::Published& outcome) {
  failures_.push_back({request, outcome});
  failed_[request] = std::prev(failures_.end());
  failures_bytes_ += bytes_of(failures_.back());
  while (failures_bytes_ > max_failures_bytes_) drop_failure(failures_.begin());
}

std::optional<protocol::Published> Outcomes::find(std::uint64_t session, std::uint64_t request_id) {
  const Request request{session, request_id};
  protocol::Published outcome;
  if (const One* one = find_success(request)) {
    outcome.version = one->version;
    outcome.trash = one->trash;
  } else if (const auto failure = failed_.find(request); failure != failed_.end()) {
    outcome = failure->second->outcome;
  } else {
    return std::nullopt;
  }
  outcome.remembered = true;
  return outcome;
}

void Outcomes::forget(std::uint64_t session, std::uint64_t request_id) {
  if (const auto failure = failed_.find({session, request_id}); failure != failed_.end())
    drop_failure(failure->second);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  std::vector<One>& ring = found->second.ring;
  std::rotate(ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(found->second.oldest),
              ring.end());
  found->second.oldest = 0;
  const auto gone =
      std::erase_if(ring, [&](const One& one) { return one.request_id == request_id; });
  bytes_ -= gone * outcome_bytes;
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
  std::size_t size = failures_.size();
  for (const auto& [session, of] : sessions_) size += of.ring.size();
  return size;
}

}  // namespace sluice::broker::publisher
