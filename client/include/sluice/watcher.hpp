// What happens to files and locks, in the order in which it happened. Read on: sluice/client.hpp,
// Client::watch.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/error.hpp"
#include "sluice/types.hpp"

namespace sluice {

namespace client {
class Operations;
}

/// What happened. A server may send kinds that this library has no name for.
enum class EventKind : std::uint8_t {
  put = 1,
  remove = 2,
  /// From `path` to `to_path`; with all beneath it, if it is a directory.
  rename = 3,
  make_directory = 4,
  set_attributes = 5,
  /// Somebody got a lock.
  lock = 16,
  /// A lock is no more: given back, expired or broken.
  unlock = 17,
  /// A lock became shared or exclusive.
  convert = 18,
};

/// One change of one path, or of a lock on it. A lock on several paths is an event for each.
struct Event {
  /// The number of the commit (of a put: the file's version), grant or release. Grows from event to
  /// event; the paths of one lock, and the directories of one make_directory, have the same.
  std::uint64_t version = 0;
  EventKind kind{};
  std::string path;
  /// Of a rename; else empty.
  std::string to_path = {};
  /// Of a lock: its number, who holds it (Options::name), and what it claims now.
  std::uint64_t lock_number = 0;
  std::string holder = {};
  bool tree = false;
  bool shared = false;
  /// Of an unlock: "released", "expired" or "broken"; else empty.
  std::string ending = {};
};

/// What is watched, and from when on.
struct Watching {
  /// All beneath the path too, not only itself and the names directly in it. What happens to a
  /// directory above it (a removal, a rename, a lock on the tree) is seen in any case.
  bool recursive = false;
  /// Only events with a larger version: Events::next, or the version of a change. Absent: from now
  /// on.
  std::optional<std::uint64_t> after = {};
};

/// Some events, in the order in which they happened.
struct Events {
  std::vector<Event> events;
  /// Where to go on: Watching::after of the next call.
  std::uint64_t next = 0;
  /// Something happened before the first of these that is not known any more: the server was
  /// restarted, or more than it remembers (65,536 events) happened since. What one has built from
  /// events is to be looked at anew.
  bool gap = false;
};

/// Follows a path: Client::watch. The server keeps nothing for it between two calls of `next`, so
/// it may take as long as it likes; what it falls behind too far is a gap. A server that goes away
/// and comes back is nothing to care about, but a gap if it was restarted. One thread at a time.
class SLUICE_API Watcher {
 public:
  /// What was moved from may only be destroyed or assigned to.
  Watcher(Watcher&&) noexcept;
  Watcher& operator=(Watcher&&) noexcept;
  ~Watcher();

  /// Blocks until something has happened, and gives what has happened so far (up to 500 events at a
  /// time), or nothing after `wait`. Throws `cancelled` once Call::stop is asked to stop or the
  /// Client is gone, `unreachable` when the server is away for longer than
  /// Options::reconnect_limit; nothing is lost by that: the next call goes on where this one began.
  Events next(std::chrono::milliseconds wait, const Call& call = {});
  /// The Events::next of the last call: to go on later, or in another process.
  std::uint64_t position() const noexcept;

 private:
  friend class Client;
  struct Impl;
  explicit Watcher(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
