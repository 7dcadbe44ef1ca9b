// Bookkeeping alone: see session_locks.hpp.
#include "client/session_locks.hpp"

#include <utility>

namespace sluice::client {

void SessionLocks::add(const std::string& token, Time ttl) {
  remove(token);
  locks_.emplace(token, ttl);
  ever_held_ = true;
  ttls_.add(ttl);
}

void SessionLocks::remove(const std::string& token) {
  remove(locks_.find(token));
}

void SessionLocks::remove(std::uint64_t number) {
  const std::string begin = std::to_string(number) + "-";
  const auto found = locks_.lower_bound(begin);
  if (found != locks_.end() && found->first.starts_with(begin)) remove(found);
}

void SessionLocks::remove(std::map<std::string, Time>::iterator lock) {
  if (lock == locks_.end()) return;
  ttls_.remove(lock->second);
  locks_.erase(lock);
}

void SessionLocks::clear() {
  locks_.clear();
  ttls_.clear();
  to_ask_.clear();
  asked_.clear();
  last_ = false;
}

void SessionLocks::doubt() {
  to_ask_.clear();
  asked_.clear();
  ask_at_ = Time{};
  last_ = ever_held_;
  for (const auto& [token, ttl] : locks_) to_ask_.push_back(token);
}

void SessionLocks::ask_again() {
  for (auto& [id, question] : asked_) ask_once_more(question.token);
  asked_.clear();
}

void SessionLocks::ask_once_more(const std::string& token) {
  if (token.empty())
    last_ = true;
  else
    to_ask_.push_back(token);
}

bool SessionLocks::take_last(Time now) {
  return to_ask_.empty() && asked_.empty() && now >= ask_at_ && std::exchange(last_, false);
}

std::optional<std::string> SessionLocks::next(Time now, std::size_t window) {
  while (!to_ask_.empty() && !locks_.contains(to_ask_.front())) to_ask_.pop_front();
  if (to_ask_.empty() || now < ask_at_ || asked_.size() >= window) return std::nullopt;
  std::string token = std::move(to_ask_.front());
  to_ask_.pop_front();
  return token;
}

void SessionLocks::asked(std::uint64_t request_id, Question question) {
  asked_.emplace(request_id, std::move(question));
}

std::optional<SessionLocks::Question> SessionLocks::answered(std::uint64_t request_id) {
  const auto found = asked_.find(request_id);
  if (found == asked_.end()) return std::nullopt;
  Question question = std::move(found->second);
  asked_.erase(found);
  return question;
}

void SessionLocks::put_off(const std::string& token, Time until) {
  ask_once_more(token);
  ask_at_ = until;
}

}  // namespace sluice::client
