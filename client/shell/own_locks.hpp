// The locks that a shell holds from one command to the next. Their tokens go by themselves into
// what is done on paths they cover, also when they were lost: then the server refuses it, until
// they are given back. Changed by the main thread between transfers; token_for() may be asked by
// any thread of a command. Read on: commands/lock.cpp, commands/unlock.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/client.hpp"

namespace sluice::shell {

/// Whether two claims cannot be held at once.
bool conflict(const Claim& one, const Claim& other);
/// Whether a change of `path` is done under a lock of this claim.
bool covers(const Claim& claim, const std::string& path);
/// Its paths as one text: "a, b", "(root)" for the root.
std::string paths_text(const std::vector<Claim>& claims);

struct OwnLock {
  Lock lock;
  std::vector<Claim> claims;
  /// Whether its loss was told.
  bool loss_told = false;
};

class OwnLocks {
 public:
  /// A lost one that is taken anew is forgotten.
  void add(Lock lock, std::vector<Claim> claims);
  /// Those that name exactly this path, or have this number or token as a text.
  std::vector<OwnLock*> find(const std::string& path, const std::string& typed);
  /// Gives back those; how many there were. All are forgotten, whatever fails. Throws `fenced` if
  /// one was lost and nobody told so.
  std::size_t release(const std::string& path, const std::string& typed);
  /// The same with all of them.
  void release_all();

  /// The token to do something on all these paths under; that of a lock which covers only some of
  /// them if there is no better one, "" if there is none.
  std::string token_for(const std::vector<std::string>& paths) const;
  bool holds(std::uint64_t number) const;
  /// One that is held and cannot be held together with this claim; none if there is none.
  const OwnLock* in_the_way_of(const Claim& claim) const;
  /// How many are held and not lost.
  std::size_t held() const;
  /// Those whose loss was not told yet; from now on it counts as told.
  std::vector<const OwnLock*> newly_lost();
  const std::vector<OwnLock>& all() const { return locks_; }

 private:
  std::vector<OwnLock> locks_;
};

}  // namespace sluice::shell
