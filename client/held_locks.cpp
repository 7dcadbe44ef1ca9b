// Bookkeeping alone; who asks the server is client/connection.cpp.
#include "client/held_locks.hpp"

#include <algorithm>

namespace sluice::client {

using protocol::Code;
using protocol::Error;
using runtime::Time;

namespace {

Error silence() {
  return {Code::lease_expired,
          {},
          "client and server have not heard each other for longer than the lock lives: the server "
          "was out "
          "of reach, or this process did not run"};
}

}  // namespace

Time HeldLock::last_proof() const {
  return doubted_ ? proven_ : std::max(proven_, Time(session_->load()));
}

Time HeldLock::end() const {
  const std::lock_guard lock(mutex_);
  return last_proof() + ttl_;
}

bool HeldLock::is_lost(Time now) {
  if (!lost_ && now > end()) lose(silence());
  return lost_;
}

void HeldLock::lose(const Error& reason) {
  if (set_lost(reason)) watch_->look();
}

bool HeldLock::look(Time now) {
  if (!lost_ && now > end()) set_lost(silence());
  return lost_;
}

bool HeldLock::set_lost(const Error& reason) {
  const std::lock_guard lock(mutex_);
  if (lost_) return false;
  loss_ = reason;
  lost_ = true;
  return true;
}

std::optional<Error> HeldLock::loss() const {
  const std::lock_guard lock(mutex_);
  return loss_;
}

void HeldLock::doubt() {
  const std::lock_guard lock(mutex_);
  proven_ = last_proof();
  doubted_ = true;
}

bool HeldLock::is_doubted() const {
  const std::lock_guard lock(mutex_);
  return doubted_;
}

bool HeldLock::renewed(Time proven, Time now) {
  const std::lock_guard lock(mutex_);
  proven_ = std::max(proven_, proven);
  // Whatever the session has sent meanwhile came within the lock's time then.
  if (now <= last_proof() + ttl_) doubted_ = false;
  return !doubted_;
}

HeldLocks::~HeldLocks() {
  watch_->stop();
}

bool HeldLocks::add(const protocol::AcquireLockReply& grant, Time now) {
  const std::lock_guard lock(mutex_);
  const Time ttl(grant.ttl_ms);
  const bool is_fresh = now - proven() <= ttl;
  const bool is_new =
      locks_
          .emplace(grant.token, std::make_shared<HeldLock>(
                                    grant.token, ttl, is_fresh ? proven() : now, proven_, watch_))
          .second;
  if (is_new) ttls_.add(ttl);
  return !is_fresh;
}

std::shared_ptr<HeldLock> HeldLocks::find(const std::string& token) const {
  const std::lock_guard lock(mutex_);
  const auto found = locks_.find(token);
  return found == locks_.end() ? nullptr : found->second;
}

std::shared_ptr<HeldLock> HeldLocks::find_or_lost(const protocol::AcquireLockReply& grant) const {
  if (auto held = find(grant.token)) return held;
  auto lost = std::make_shared<HeldLock>(grant.token, Time(grant.ttl_ms), Time(0), proven_, watch_);
  lost->lose({Code::lease_expired, {}, "the session was lost"});
  return lost;
}

void HeldLocks::remove(const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto found = locks_.find(token);
  if (found == locks_.end()) return;
  ttls_.remove(found->second->ttl());
  locks_.erase(found);
}

void HeldLocks::lose(const std::string& token, const Error& reason) {
  if (const auto found = find(token)) found->lose(reason);
}

void HeldLocks::lose(std::uint64_t number, const Error& reason) {
  const std::string begin = std::to_string(number) + "-";
  const std::lock_guard lock(mutex_);
  const auto found = locks_.lower_bound(begin);
  if (found != locks_.end() && found->first.starts_with(begin)) found->second->lose(reason);
}

void HeldLocks::lose_all(const Error& reason) {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, held] : locks_) held->lose(reason);
  locks_.clear();
  ttls_.clear();
}

void HeldLocks::doubt_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [token, held] : locks_) held->doubt();
}

std::vector<std::string> HeldLocks::prove(Time proven, Time now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> to_ask;
  if (proven <= this->proven()) return to_ask;
  // It may have reached the server as late as now. Mostly none can have ended since the last proof.
  if (now - this->proven() > ttls_.shortest())
    for (const auto& [token, held] : locks_) {
      if (held->is_doubted() || now <= held->end()) continue;
      held->doubt();
      to_ask.push_back(token);
    }
  *proven_ = proven.count();
  return to_ask;
}

}  // namespace sluice::client
