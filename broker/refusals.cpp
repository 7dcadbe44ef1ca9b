// Pure data: see refusals.hpp.
#include "broker/refusals.hpp"

namespace sluice::broker {

void Refusals::remember(std::uint64_t request_id, const std::string& error_body) {
  if (!bodies_.emplace(request_id, error_body).second) return;
  order_.push_back(request_id);
  bytes_ += error_body.size();
  while (bytes_ > bytes_most || order_.size() > most) {
    const auto oldest = bodies_.find(order_.front());
    bytes_ -= oldest->second.size();
    bodies_.erase(oldest);
    order_.pop_front();
  }
}

const std::string* Refusals::find(std::uint64_t request_id) const {
  const auto found = bodies_.find(request_id);
  return found == bodies_.end() ? nullptr : &found->second;
}

}  // namespace sluice::broker
