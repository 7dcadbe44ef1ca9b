// Messages of the workers, the lock actor and the publisher: how a change becomes a commit. The
// stamp carries session, request id (in the header) and, from the lock actor on, the commit's
// number. Plain data. Read on: docs/architecture.md, "One put, hop by hop".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

enum class ChangeKind : std::uint8_t {
  /// No change: asks only for the outcome of the request, if it had one (answered with version 0
  /// and code 0
  /// when none is remembered). Sent where a repeat may find its staged file used up by the first
  /// attempt.
  none = 0,
  /// A file: staged and synced, or, when it is small, in the payload.
  put = 1,
  remove = 2,
  rename = 3,
  make_directory = 4,
  set_attributes = 5,
};

/// Worker to lock actor: everything heavy is done, decide and publish. The body travels on to the
/// publisher unchanged (as `publish`).
struct Commit {
  static constexpr Type type = Type::commit;
  ChangeKind kind{};
  std::string path;
  std::string to_path;
  Terms terms;
  Preserve preserve;
  /// put: the name in staging, and what is in it.
  std::string staged;
  std::uint64_t size_bytes = 0;
  Digest root{};
  /// put: whether the payload holds the bytes, to be logged.
  bool small = false;
  /// put: not small, and its bytes are not synced.
  bool unsynced = false;
  /// remove: directories with all beneath them too. rename: it is a directory, and goes with all
  /// beneath it.
  bool recursive = false;
  /// make_directory: missing parents, outermost first, and an existing directory is no error.
  bool parents = false;
  std::vector<std::string> missing_parents;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("kind", s.kind);
    v.must("path", s.path);
    v.may("to_path", s.to_path);
    Terms::fields(v, s.terms);
    Preserve::fields(v, s.preserve);
    v.may("staged", s.staged);
    v.may("size_bytes", s.size_bytes);
    v.may("root", s.root);
    v.may("small", s.small);
    v.may("unsynced", s.unsynced);
    v.may("recursive", s.recursive);
    v.may("parents", s.parents);
    v.may("missing_parents", s.missing_parents);
  }
};

/// Lock actor to publisher. `Publish` is the body of `Commit`, unchanged; with number 0 in the
/// stamp it asks only what the outcome of this request was (answered with version 0 and code 0 when
/// none is remembered).
struct Publish : Commit {
  static constexpr Type type = Type::publish;
};

/// The first outcome of a change; publisher to lock actor (`published`) and on to the worker
/// (`commit_reply`).
template <Type wire_type>
struct Outcome {
  static constexpr Type type = wire_type;
  /// 0: done.
  std::uint16_t code = 0;
  std::string path;
  std::string detail;
  /// The commit's number; 0 if it failed and nothing will come of it.
  std::uint64_t version = 0;
  /// Something went to the trash and should be unlinked.
  bool trash = false;
  /// The outcome of an earlier request: what was staged for this one is not used.
  bool remembered = false;
  /// make_directory: those that were missing; of a remembered outcome none.
  std::vector<std::string> made;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("code", s.code);
    v.may("path", s.path);
    v.may("detail", s.detail);
    v.may("version", s.version);
    v.may("trash", s.trash);
    v.may("remembered", s.remembered);
    v.may("made", s.made);
  }

  /// It has failed but is in the log, perhaps: then the next start of the server makes it.
  bool may_come_about() const { return code != 0 && version != 0; }
};
using Published = Outcome<Type::published>;
using CommitReply = Outcome<Type::commit_reply>;

/// Lock actor to worker: the commit waits for somebody's lock; an answer follows later.
using CommitWaiting = Empty<Type::commit_waiting>;

/// Broker to lock actor: the session sent something at that time; its locks live on.
struct SessionAlive {
  static constexpr Type type = Type::session_alive;
  std::string name;
  std::uint32_t lease_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("name", s.name);
    v.must("lease_ms", s.lease_ms);
  }
};

/// Broker to lock actor: the session said bye (its locks go at once) or fell silent (its waiters
/// go, its locks when their time is over).
struct SessionEnded {
  static constexpr Type type = Type::session_ended;
  bool bye = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("bye", s.bye);
  }
};

/// Lock actor to publisher: make numbers up to this one safe to give out.
struct ReserveNumbers {
  static constexpr Type type = Type::reserve_numbers;
  std::uint64_t up_to = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("up_to", s.up_to);
  }
};

struct ReserveNumbersReply {
  static constexpr Type type = Type::reserve_numbers_reply;
  /// What is durable now; unchanged if the log failed.
  std::uint64_t up_to = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("up_to", s.up_to);
  }
};

/// Lock actor to publisher: make the lock journal durable up to here. Answered when it is.
struct SyncLocks {
  static constexpr Type type = Type::sync_locks;
  /// Bytes written to the journal since the start.
  std::uint64_t position = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("position", s.position);
  }
};

struct SyncLocksReply {
  static constexpr Type type = Type::sync_locks_reply;
  std::uint64_t position = 0;
  bool ok = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("position", s.position);
    v.may("ok", s.ok);
  }
};

/// Publisher to checkpointer: sync the tree, so that log segments before this generation are not
/// needed. To the publisher: make the log as small as it can be.
struct Checkpoint {
  static constexpr Type type = Type::checkpoint;
  std::uint64_t generation = 0;
  /// To the publisher: the room is needed, also what it keeps aside to save time.
  bool full_disk = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("generation", s.generation);
    v.may("full_disk", s.full_disk);
  }
};

struct CheckpointReply {
  static constexpr Type type = Type::checkpoint_reply;
  std::uint64_t generation = 0;
  bool ok = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("generation", s.generation);
    v.may("ok", s.ok);
  }
};

}  // namespace sluice::protocol
