// Bookkeeping alone; who asks the server is client/connection.cpp.
#include "client/held_locks.hpp"

#include <algorithm>

namespace sluice::client {

using runtime::Time;

bool HeldLock::is_lost(Time now) {
  if (!lost_ && now > end()) lose();
  return lost_;
}

void HeldLock::lose() {
  if (!lost_.exchange(true)) watch_->look();
}

bool HeldLock::look(Time now) {
  if (now > end()) lost_ = true;
  return lost_;
}

bool HeldLock::prove(Time proven, Time now) {
  // It may have reached the server as late as now.
  if (now > end()) return false;
  renewed(proven);
  return true;
}

void HeldLock::renewed(Time proven) {
  proven_ms_ = std::max<Time::rep>(proven_ms_, proven.count());
}

HeldLocks::~HeldLocks() {
  watch_->stop();
}

bool HeldLocks::add(const protocol::AcquireLockReply& grant, Time now) {
  const std::lock_guard lock(mutex_);
  const Time ttl(grant.ttl_ms);
  const bool is_fresh = now - proven_ <= ttl;
  locks_[grant.token] =
      std::make_shared<HeldLock>(grant.token, ttl, is_fresh ? proven_ : now, watch_);
  return !is_fresh;
}

std::shared_ptr<HeldLock> HeldLocks::find(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = locks_.find(token);
  return found == locks_.end() ? nullptr : found->second;
}

std::shared_ptr<HeldLock> HeldLocks::find_or_lost(const protocol::AcquireLockReply& grant) const {
  if (auto held = find(grant.token)) return held;
  auto lost = std::make_shared<HeldLock>(grant.token, Time(grant.ttl_ms), Time(0), watch_);
  lost->lose();
  return lost;
}

void HeldLocks::remove(const std::string& token) {
  const std::lock_guard lock(mutex_);
  locks_.erase(token);
}

void HeldLocks::lose(const std::string& token) {
  if (const auto found = find(token)) found->lose();
}

void HeldLocks::lose_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, held] : locks_) held->lose();
  locks_.clear();
}

std::vector<std::string> HeldLocks::prove(Time proven, Time now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> to_ask;
  if (proven <= proven_) return to_ask;
  proven_ = proven;
  for (const auto& [token, held] : locks_)
    if (!held->prove(proven, now)) to_ask.push_back(token);
  return to_ask;
}

}  // namespace sluice::client
