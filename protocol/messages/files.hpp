// Messages that read the tree. None of them is ever blocked by a writer. Plain data.
// Read on: docs/protocol.md, "Reading".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/session.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

enum class EntryKind : std::uint8_t { file = 1, directory = 2, other = 3 };

/// What is known of one file or directory. `mode` holds the permission bits only (07777).
struct Attributes {
  EntryKind kind = EntryKind::file;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;
  /// Nanoseconds since 1970-01-01 00:00 UTC.
  std::int64_t mtime_ns = 0;
  /// The number of the commit that stored the bytes; 0 for files put into the tree by hand and
  /// directories.
  std::uint64_t version = 0;
  /// The root digest that was stored with the bytes; absent with version 0.
  std::optional<Digest> root;
  bool operator==(const Attributes&) const = default;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("kind", s.kind);
    v.may("size_bytes", s.size_bytes);
    v.may("mode", s.mode);
    v.may("mtime_ns", s.mtime_ns);
    v.may("version", s.version);
    v.may("root", s.root);
  }
};

struct Stat {
  static constexpr Type type = Type::stat;
  std::string path;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
  }
};

struct StatReply {
  static constexpr Type type = Type::stat_reply;
  Attributes attributes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("attributes", s.attributes);
  }
};

/// One page of a directory, in the order the disk has it. Start with cookie 0. A page may be short
/// or empty though more follow: one request looks at 20,000 names at most.
struct List {
  static constexpr Type type = Type::list;
  std::string path;
  std::uint64_t cookie = 0;
  /// 0: as many as the server gives (1,000).
  std::uint32_t max_entries = 0;
  /// Size, mode, times and version of each entry too, not only name and kind.
  bool details = false;
  /// Only names that begin with it. Servers that do not know it yet list all.
  std::string prefix = {};
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.may("cookie", s.cookie);
    v.may("max_entries", s.max_entries);
    v.may("details", s.details);
    v.may("prefix", s.prefix);
  }
};

struct ListEntry {
  std::string name;
  Attributes attributes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("name", s.name);
    v.must("attributes", s.attributes);
  }
};

struct ListReply {
  static constexpr Type type = Type::list_reply;
  std::vector<ListEntry> entries;
  /// Where the next page starts; 0 when this was the last.
  std::uint64_t next_cookie = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("entries", s.entries);
    v.may("next_cookie", s.next_cookie);
  }
};

/// Opens a file for reading. A file that fits into the header's `credit_bytes` (and is no larger
/// than `small_file_bytes`) comes whole in the answer's payload; of a larger one the answer names a
/// snapshot.
struct Get {
  static constexpr Type type = Type::get;
  std::string path;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
  }
};

struct GetReply {
  static constexpr Type type = Type::get_reply;
  Attributes attributes;
  /// To be named in `Read` and `ReadEnd`; empty when the payload is the whole file.
  std::string snapshot;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("attributes", s.attributes);
    v.may("snapshot", s.snapshot);
  }
};

/// Reads from a snapshot: one version from first byte to last, whatever happens to the path.
/// `offset_bytes` is a multiple of the leaf size. The payload has at most `credit_bytes` of the
/// header, whole leaves.
struct Read {
  static constexpr Type type = Type::read;
  std::string snapshot;
  std::uint64_t offset_bytes = 0;
  std::uint32_t length_bytes = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("snapshot", s.snapshot);
    v.may("offset_bytes", s.offset_bytes);
    v.must("length_bytes", s.length_bytes);
  }
};

struct ReadReply {
  static constexpr Type type = Type::read_reply;
  /// Digests of the payload's leaves, 16 bytes each, as stored with the file (made anew for version
  /// 0).
  Binary leaves;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("leaves", s.leaves);
  }
};

/// Asks for the digests of a snapshot's leaves without their bytes: what a reader has already need
/// not be read.
struct ReadLeaves {
  static constexpr Type type = Type::read_leaves;
  std::string snapshot;
  /// Where the first of them lies: a multiple of the leaf size.
  std::uint64_t offset_bytes = 0;
  std::uint32_t count = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("snapshot", s.snapshot);
    v.may("offset_bytes", s.offset_bytes);
    v.must("count", s.count);
  }
};

struct ReadLeavesReply {
  static constexpr Type type = Type::read_leaves_reply;
  /// 16 bytes each, as `ReadReply::leaves`. May be fewer than were asked for, none behind the end.
  Binary leaves;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("leaves", s.leaves);
  }
};

/// Drops a snapshot. Snapshots of a session that ends are dropped by the server.
struct ReadEnd {
  static constexpr Type type = Type::read_end;
  std::string snapshot;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("snapshot", s.snapshot);
  }
};
using ReadEndReply = Empty<Type::read_end_reply>;

/// Reads a piece of a file again where it is stored, and compares it with the digests that were
/// stored with it. `offset_bytes` is a multiple of the leaf size.
struct Verify {
  static constexpr Type type = Type::verify;
  std::string path;
  /// Only if the file has this version now; 0: whichever it has.
  std::uint64_t version = 0;
  std::uint64_t offset_bytes = 0;
  /// The server looks at whole leaves, and at no more than `verify_bytes`.
  std::uint32_t length_bytes = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("path", s.path);
    v.may("version", s.version);
    v.may("offset_bytes", s.offset_bytes);
    v.must("length_bytes", s.length_bytes);
  }
};

/// Whole leaves, the last one of a file may be short.
struct DamagedRange {
  std::uint64_t offset_bytes = 0;
  std::uint64_t length_bytes = 0;
  bool operator==(const DamagedRange&) const = default;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("offset_bytes", s.offset_bytes);
    v.must("length_bytes", s.length_bytes);
  }
};

struct VerifyReply {
  static constexpr Type type = Type::verify_reply;
  Attributes attributes;
  /// How much was looked at; 0 behind the end, and with version 0, where nothing is stored to
  /// compare with.
  std::uint32_t length_bytes = 0;
  /// Digests of the leaves as they were read now, 16 bytes each.
  Binary leaves;
  /// What has not the stored digest, or cannot be read.
  std::vector<DamagedRange> damaged;
  /// The stored digests of leaves are gone: only the root digest can tell.
  bool leaves_missing = false;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("attributes", s.attributes);
    v.may("length_bytes", s.length_bytes);
    v.may("leaves", s.leaves);
    v.may("damaged", s.damaged);
    v.may("leaves_missing", s.leaves_missing);
  }
};

}  // namespace sluice::protocol
