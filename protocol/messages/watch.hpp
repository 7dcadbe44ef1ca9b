// Seeing changes as they happen; the lock actor answers, for it knows the order of all of them.
// Plain data. Read on: docs/protocol.md, "Watching".
#pragma once

#include <optional>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// What happened. Numbers below 16 are those of `ChangeKind`.
enum class EventKind : std::uint8_t {
  put = 1,
  remove = 2,
  rename = 3,
  make_directory = 4,
  set_attributes = 5,
  lock = 16,
  /// Given back, expired or broken: `detail` says which.
  unlock = 17,
  /// A lock became shared or exclusive.
  convert = 18,
};

/// One change of the tree or of a lock. A lock on several paths is an event for each.
struct WatchEvent {
  /// The number of the commit, grant or release; grows from event to event, except among the paths
  /// of one lock, which have the same.
  std::uint64_t version = 0;
  EventKind kind{};
  std::string path;
  /// rename: where to.
  std::string to_path;
  /// lock, unlock, convert: the lock's number and holder, and what it claims.
  std::uint64_t number = 0;
  std::string holder;
  bool tree = false;
  bool shared = false;
  std::string detail;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version", s.version);
    v.must("kind", s.kind);
    v.must("path", s.path);
    v.may("to_path", s.to_path);
    v.may("number", s.number);
    v.may("holder", s.holder);
    v.may("tree", s.tree);
    v.may("shared", s.shared);
    v.may("detail", s.detail);
  }
};

/// Asks for what happened at a path and to the names directly in it (`recursive`: all beneath it),
/// in commit order. Answered as soon as there is something, at the latest after `wait_ms` with
/// nothing: so a client that wants to see everything asks again and again with `after` = `next` of
/// the last answer, and decides itself how much it takes.
struct Watch {
  static constexpr Type type = Type::watch;
  std::string path;
  bool recursive = false;
  /// Only events with a larger version. Absent: none, tells at once where "now" is.
  std::optional<std::uint64_t> after;
  std::uint32_t wait_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("path", s.path);
    v.may("recursive", s.recursive);
    v.may("after", s.after);
    v.may("wait_ms", s.wait_ms);
  }
};

struct WatchReply {
  static constexpr Type type = Type::watch_reply;
  std::vector<WatchEvent> events;
  /// Pass as the next `after`.
  std::uint64_t next = 0;
  /// Events between `after` and the first one here are not known any more: look at the tree anew.
  bool gap = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("events", s.events);
    v.must("next", s.next);
    v.may("gap", s.gap);
  }
};

}  // namespace sluice::protocol
