// What a command waits for: see lock_wait_note.hpp.
#include "client/shell/lock_wait_note.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "client/shell/format.hpp"

namespace sluice::shell {
namespace {

constexpr std::chrono::seconds look_every{1};
/// Of a command with more paths, the first are looked at.
constexpr std::size_t claims_most = 64;

/// Locks that one look asks for, about: where more are held beside and beneath the paths, the one
/// that is waited for may not be among them, and nothing is told.
constexpr std::size_t entries_most = 1000;

// Thrown through Client::locks to end it.
struct Enough {};

std::vector<Claim> claims_of(const std::vector<std::string>& paths, bool recursive) {
  std::vector<Claim> claims;
  for (const std::string& path : paths) {
    if (claims.size() == claims_most) break;
    claims.push_back({.path = path, .tree = recursive});
  }
  return claims;
}

}  // namespace

LockWaitNote::LockWaitNote(Invocation& run, std::vector<Claim> claims,
                           std::chrono::milliseconds wait, const std::string& token)
    : run_(run), claims_(std::move(claims)), token_(token) {
  if (wait <= look_every || run.json() || ::isatty(STDERR_FILENO) != 1) return;
  // Made here, on the main thread.
  run.client();
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

LockWaitNote::LockWaitNote(Invocation& run, const std::vector<std::string>& paths,
                           const Change& change, bool recursive)
    : LockWaitNote(run, claims_of(paths, recursive), change.wait,
                   run.under_own_lock(change, paths).token) {}

void LockWaitNote::watch(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    never.wait_for(lock, stop, look_every, [] { return false; });
    if (stop.stop_requested() || tell(stop)) return;
  }
}

bool LockWaitNote::tell(const std::stop_token& stop) {
  std::string sentence;
  std::size_t entries = 0;
  const auto look = [&](const Claim& wanted, const LockEntry& entry) {
    // Tokens begin with the number.
    const bool own = run_.seat().locks().holds(entry.number) ||
                     token_.starts_with(std::to_string(entry.number) + "-");
    const auto in_the_way = [&](const Claim& held) { return conflict(held, wanted); };
    if (entry.number == 0 || own ||
        std::none_of(entry.claims.begin(), entry.claims.end(), in_the_way))
      return;
    const std::string path = wanted.path.empty() ? "(root)" : wanted.path;
    sentence = "waiting for the lock on " + path + ", held by " + entry.holder;
    throw Enough();
  };
  try {
    for (const Claim& wanted : claims_)
      run_.client().locks(wanted.path,
                          [&](const std::vector<LockEntry>& page) {
                            for (const LockEntry& entry : page) look(wanted, entry);
                            entries += page.size();
                            if (entries >= entries_most) throw Enough();
                          },
                          {.stop = stop});
  } catch (const Enough&) {
    if (sentence.empty()) return false;
  } catch (const Error&) {
    // The command will tell.
    return stop.stop_requested();
  }
  if (sentence.empty()) return false;
  run_.note(sentence);
  return true;
}

}  // namespace sluice::shell
