// Messages that change the tree. Each becomes one commit: it happens once, however often it is
// repeated under the same session and request id, and is durable before it can be seen, unless it
// is a relaxed put. Plain data. Read on: docs/protocol.md, "Changing".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// Whether a put is on the disk before it is seen and answered. `relaxed`: it need not be, if it
/// replaces nothing; a power loss may take it back, whole. Unknown values count as `full`.
enum class Durability : std::uint8_t {
  /// As the server is set.
  unsaid = 0,
  full = 1,
  relaxed = 2,
};

/// Whether a put that says so is to be relaxed, on a server that is or is not.
constexpr bool is_relaxed(Durability said, bool relaxed_server) {
  return said == Durability::relaxed || (said == Durability::unsaid && relaxed_server);
}

/// What every change may carry. A token makes the change part of what is done under that lock:
/// lost, expired or of another path is an error. Without one, the change takes the lock it needs
/// for just its commit.
struct Terms {
  std::string token;
  /// How long to wait where somebody else's lock is in the way; 0: not at all.
  std::uint32_t wait_ms = 0;
  /// Only if the file has this version now (of a rename the source, of a copy the target); 0 asks
  /// for one put there by hand.
  std::optional<std::uint64_t> if_version;
  /// Only if nothing is at the (target) path now.
  bool if_absent = false;
  /// Which of the session's threads of work waits (as in `AcquireLock`).
  std::uint64_t agent = 0;
  /// Of puts and copies; other changes are full.
  Durability durability{};
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("token", s.token);
    v.may("wait_ms", s.wait_ms);
    v.may("if_version", s.if_version);
    v.may("if_absent", s.if_absent);
    v.may("agent", s.agent);
    v.may("durability", s.durability);
  }
};

/// Permission bits and time for what is stored; absent ones get the server's defaults (0644 or
/// 0755, now).
struct Preserve {
  std::optional<std::uint32_t> mode;
  std::optional<std::int64_t> mtime_ns;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("mode", s.mode);
    v.may("mtime_ns", s.mtime_ns);
  }
};

/// The answer to every change: the commit's number, which is the version of the file a put or copy
/// stored.
template <Type wire_type>
struct ChangeReply {
  static constexpr Type type = wire_type;
  std::uint64_t version = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version", s.version);
  }
};

/// Stores a small file (up to `small_file_bytes`) whose bytes are the payload.
struct Put {
  static constexpr Type type = Type::put;
  std::string path;
  Digest root{};
  Preserve preserve;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.must("root", s.root);
    Preserve::fields(v, s.preserve);
    Terms::fields(v, s.terms);
  }
};
using PutReply = ChangeReply<Type::put_reply>;

/// Begins the upload of a file of any size. The id is 16 random bytes chosen by the client: one id
/// is one sequence of bytes. Beginning an upload again finds what has arrived. `kept`, here and in
/// all messages about it, means an upload that belongs to no session: it outlives the client and
/// the server, and whoever knows its id can go on with it.
struct WriteBegin {
  static constexpr Type type = Type::write_begin;
  Binary upload;
  std::string path;
  std::uint64_t size_bytes = 0;
  bool kept = false;
  /// How much of it chunks are going to say is zeros: that needs no room. Servers that do not know
  /// it yet make room for all.
  std::uint64_t zero_bytes = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.must("path", s.path);
    v.must("size_bytes", s.size_bytes);
    v.may("kept", s.kept);
    v.may("zero_bytes", s.zero_bytes);
  }
};
using WriteBeginReply = Empty<Type::write_begin_reply>;

/// Some whole leaves of the file (the last one may be short); the payload holds the bytes, unless
/// they are all zero.
struct WriteChunk {
  static constexpr Type type = Type::write_chunk;
  Binary upload;
  std::uint64_t offset_bytes = 0;
  /// Digests of the payload's leaves, 16 bytes each.
  Binary leaves;
  bool kept = false;
  /// What the commit will say.
  Durability durability{};
  /// So many bytes are zeros, up to `limits::zero_bytes`; then there are neither payload nor
  /// leaves. Servers that do not know it yet find no bytes: `bad_message`.
  std::uint64_t zero_bytes = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.may("offset_bytes", s.offset_bytes);
    v.must("leaves", s.leaves);
    v.may("kept", s.kept);
    v.may("durability", s.durability);
    v.may("zero_bytes", s.zero_bytes);
  }
};
using WriteChunkReply = Empty<Type::write_chunk_reply>;

/// Puts leaves of a snapshot of the same session into an upload, at the same place: bytes that the
/// server has already need not be sent.
struct WriteReuse {
  static constexpr Type type = Type::write_reuse;
  Binary upload;
  std::string snapshot;
  std::uint64_t offset_bytes = 0;
  /// What the leaves are to be, 16 bytes each, for up to `chunk_bytes` of the file.
  Binary leaves;
  bool kept = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.must("snapshot", s.snapshot);
    v.may("offset_bytes", s.offset_bytes);
    v.must("leaves", s.leaves);
    v.may("kept", s.kept);
  }
};

struct WriteReuseReply {
  static constexpr Type type = Type::write_reuse_reply;
  /// One byte a leaf that was asked for: 1 it is in the upload now, 0 the snapshot has other bytes.
  Binary taken;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("taken", s.taken);
  }
};

/// Asks which leaves have arrived, from `offset_bytes` on.
struct WriteStatus {
  static constexpr Type type = Type::write_status;
  Binary upload;
  std::uint64_t offset_bytes = 0;
  /// Their digests too.
  bool with_leaves = false;
  bool kept = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.may("offset_bytes", s.offset_bytes);
    v.may("with_leaves", s.with_leaves);
    v.may("kept", s.kept);
  }
};

struct WriteStatusReply {
  static constexpr Type type = Type::write_status_reply;
  std::uint64_t size_bytes = 0;
  /// One byte a leaf: 1 arrived, 0 missing. As many as fit; ask on behind them.
  Binary arrived;
  /// The digests that they arrived with, 16 bytes each, zeros where one is missing.
  Binary leaves;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("size_bytes", s.size_bytes);
    v.must("arrived", s.arrived);
    v.may("leaves", s.leaves);
  }
};

/// Ends an upload: the file appears at `path`, whole, with one version. A lost connection never
/// does this.
struct WriteCommit {
  static constexpr Type type = Type::write_commit;
  Binary upload;
  std::string path;
  std::uint64_t size_bytes = 0;
  Digest root{};
  Preserve preserve;
  Terms terms;
  bool kept = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.must("path", s.path);
    v.must("size_bytes", s.size_bytes);
    v.must("root", s.root);
    Preserve::fields(v, s.preserve);
    Terms::fields(v, s.terms);
    v.may("kept", s.kept);
  }
};
using WriteCommitReply = ChangeReply<Type::write_commit_reply>;

struct WriteAbort {
  static constexpr Type type = Type::write_abort;
  Binary upload;
  bool kept = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("upload", s.upload);
    v.may("kept", s.kept);
  }
};
using WriteAbortReply = Empty<Type::write_abort_reply>;

/// Removes a file or an empty directory; with `recursive` a directory and all beneath it, at once.
struct Remove {
  static constexpr Type type = Type::remove;
  std::string path;
  bool recursive = false;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.may("recursive", s.recursive);
    Terms::fields(v, s.terms);
  }
};
using RemoveReply = ChangeReply<Type::remove_reply>;

/// Renames a file or directory. An existing file at `to_path` is replaced, an existing directory is
/// not.
struct Rename {
  static constexpr Type type = Type::rename;
  std::string path;
  std::string to_path;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.must("to_path", s.to_path);
    Terms::fields(v, s.terms);
  }
};
using RenameReply = ChangeReply<Type::rename_reply>;

/// Copies one file on the server; the copy has a version of its own. Conditions are about
/// `to_path`.
struct Copy {
  static constexpr Type type = Type::copy;
  std::string path;
  std::string to_path;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.must("to_path", s.to_path);
    Terms::fields(v, s.terms);
  }
};
using CopyReply = ChangeReply<Type::copy_reply>;

/// Makes a directory; with `parents` missing ones above it too, and an existing directory is no
/// error.
struct MakeDirectory {
  static constexpr Type type = Type::make_directory;
  std::string path;
  bool parents = false;
  Preserve preserve;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.may("parents", s.parents);
    Preserve::fields(v, s.preserve);
    Terms::fields(v, s.terms);
  }
};
using MakeDirectoryReply = ChangeReply<Type::make_directory_reply>;

/// Sets mode and time of an existing file or directory. The version stays.
struct SetAttributes {
  static constexpr Type type = Type::set_attributes;
  std::string path;
  Preserve preserve;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    Preserve::fields(v, s.preserve);
    Terms::fields(v, s.terms);
  }
};
using SetAttributesReply = ChangeReply<Type::set_attributes_reply>;

}  // namespace sluice::protocol
