// See sessions.hpp.
#include "broker/sessions.hpp"

namespace sluice::broker {

std::optional<Sessions::Found> Sessions::by_peer(const std::string& peer) {
  const auto place = peers_.find(peer);
  if (place == peers_.end()) return std::nullopt;
  return Found{place->second.session, place->second.connection};
}

Session* Sessions::find(std::uint64_t number) {
  const auto found = sessions_.find(number);
  return found == sessions_.end() ? nullptr : &found->second;
}

Session& Sessions::open(std::uint64_t number) {
  Session& session = sessions_[number];
  session.number = number;
  return session;
}

void Sessions::bind(Session& session, Connection connection, const std::string& peer) {
  forget_peer(peer);
  std::string& place = session.peer(connection);
  if (!place.empty()) peers_.erase(place);
  place = peer;
  peers_[peer] = {&session, connection};
}

void Sessions::forget_peer(const std::string& peer) {
  const auto place = peers_.find(peer);
  if (place == peers_.end()) return;
  place->second.session->peer(place->second.connection).clear();
  peers_.erase(place);
}

void Sessions::end(std::uint64_t number) {
  const auto found = sessions_.find(number);
  if (found == sessions_.end()) return;
  for (const std::string& peer : found->second.peers) peers_.erase(peer);
  sessions_.erase(found);
}

std::vector<std::uint64_t> Sessions::expired(Time now) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, session] : sessions_)
    if (session.last_seen + session.lease < now) numbers.push_back(number);
  return numbers;
}

void Sessions::all_seen(Time now) {
  for (auto& [number, session] : sessions_) session.last_seen = now;
}

std::vector<std::uint64_t> Sessions::numbers() const {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(sessions_.size());
  for (const auto& [number, session] : sessions_) numbers.push_back(number);
  return numbers;
}

}  // namespace sluice::broker
