// Locks held by a shell: see own_locks.hpp.
#include "client/shell/own_locks.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "client/shell/format.hpp"

namespace sluice::shell {
namespace {

bool is_beneath(const std::string& path, const std::string& directory) {
  return directory.empty() || path.starts_with(directory + "/");
}

bool same_paths(const std::vector<Claim>& one, const std::vector<Claim>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const Claim& a, const Claim& b) { return a.path == b.path; });
}

// Goes through all of them before it throws what the first failed with.
void give_back(std::vector<OwnLock> going) {
  std::optional<Error> failure;
  for (OwnLock& own : going) {
    if (own.loss_told) continue;
    const std::string number = std::to_string(own.lock.number());
    try {
      own.lock.release();
    } catch (const Error& error) {
      if (failure) continue;
      const bool lost = error.code() == "fenced" || error.code() == "lease_expired";
      failure = lost ? Error("fenced", paths_text(own.claims),
                             "lock " + number + " was lost before it was given back")
                     : error;
    }
  }
  if (failure) throw Error(*failure);
}

}  // namespace

bool conflict(const Claim& one, const Claim& other) {
  if (one.shared && other.shared) return false;
  return one.path == other.path || (one.tree && is_beneath(other.path, one.path)) ||
         (other.tree && is_beneath(one.path, other.path));
}

bool covers(const Claim& claim, const std::string& path) {
  if (claim.shared) return false;
  if (claim.path == path) return true;
  return claim.tree && is_beneath(path, claim.path);
}

std::string paths_text(const std::vector<Claim>& claims) {
  std::string text;
  for (const Claim& claim : claims) {
    if (!text.empty()) text += ", ";
    text += claim.path.empty() ? "(root)" : escaped(claim.path);
  }
  return text;
}

void OwnLocks::add(Lock lock, std::vector<Claim> claims) {
  std::erase_if(locks_, [&](const OwnLock& own) {
    return own.lock.lost() && same_paths(own.claims, claims);
  });
  locks_.push_back({std::move(lock), std::move(claims)});
}

std::vector<OwnLock*> OwnLocks::find(const std::string& path, const std::string& typed) {
  std::vector<OwnLock*> meant;
  for (OwnLock& own : locks_) {
    const bool names_it = std::any_of(own.claims.begin(), own.claims.end(),
                                      [&](const Claim& claim) { return claim.path == path; });
    if (names_it || std::to_string(own.lock.number()) == typed || own.lock.token() == typed)
      meant.push_back(&own);
  }
  return meant;
}

std::size_t OwnLocks::release(const std::string& path, const std::string& typed) {
  std::vector<OwnLock> going;
  for (OwnLock* own : find(path, typed)) going.push_back(std::move(*own));
  std::erase_if(locks_, [](const OwnLock& own) { return own.lock.token().empty(); });
  const std::size_t count = going.size();
  give_back(std::move(going));
  return count;
}

void OwnLocks::release_all() {
  give_back(std::exchange(locks_, {}));
}

std::string OwnLocks::token_for(const std::vector<std::string>& paths) const {
  const OwnLock* best = nullptr;
  std::size_t best_covered = 0;
  for (const OwnLock& own : locks_) {
    const auto covered = std::count_if(paths.begin(), paths.end(), [&](const std::string& path) {
      return std::any_of(own.claims.begin(), own.claims.end(),
                         [&](const Claim& claim) { return covers(claim, path); });
    });
    if (static_cast<std::size_t>(covered) <= best_covered) continue;
    best = &own;
    best_covered = static_cast<std::size_t>(covered);
  }
  return best ? best->lock.token() : "";
}

bool OwnLocks::holds(std::uint64_t number) const {
  return std::any_of(locks_.begin(), locks_.end(), [&](const OwnLock& own) {
    return own.lock.number() == number && !own.lock.lost();
  });
}

const OwnLock* OwnLocks::in_the_way_of(const Claim& claim) const {
  const auto found = std::find_if(locks_.begin(), locks_.end(), [&](const OwnLock& own) {
    return !own.lock.lost() &&
           std::any_of(own.claims.begin(), own.claims.end(),
                       [&](const Claim& held) { return conflict(held, claim); });
  });
  return found == locks_.end() ? nullptr : &*found;
}

std::size_t OwnLocks::held() const {
  return static_cast<std::size_t>(std::count_if(
      locks_.begin(), locks_.end(), [](const OwnLock& own) { return !own.lock.lost(); }));
}

std::vector<const OwnLock*> OwnLocks::newly_lost() {
  std::vector<const OwnLock*> lost;
  for (OwnLock& own : locks_)
    if (own.lock.lost() && !std::exchange(own.loss_told, true)) lost.push_back(&own);
  return lost;
}

}  // namespace sluice::shell
