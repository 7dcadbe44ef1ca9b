// Many small files in one message each way: trees stream through these without a message for each
// file. Every file has an outcome of its own. Plain data. Read on: docs/protocol.md, "Batches".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/files.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// Asks for small files of one directory, up to `batch_files`. The answer's payload has the bytes
/// of those that came, one after the other in the order asked for; at most `credit_bytes` of the
/// header.
struct GetMany {
  static constexpr Type type = Type::get_many;
  std::string directory;
  std::vector<std::string> names;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("directory", s.directory);
    v.must("names", s.names);
  }
};

struct GotFile {
  /// 0: its bytes are in the payload, as many as `attributes` says. `too_large`: it is larger than
  /// `small_file_bytes` or than what was left of the credit, and is to be got by itself.
  std::uint16_t code = 0;
  std::string detail;
  Attributes attributes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("code", s.code);
    v.may("detail", s.detail);
    v.must("attributes", s.attributes);
  }
};

struct GetManyReply {
  static constexpr Type type = Type::get_many_reply;
  /// As many as were asked for, in that order.
  std::vector<GotFile> got;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("got", s.got);
  }
};

struct PutFile {
  std::string name;
  std::uint64_t size_bytes = 0;
  Digest root{};
  Preserve preserve;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("name", s.name);
    v.may("size_bytes", s.size_bytes);
    v.must("root", s.root);
    Preserve::fields(v, s.preserve);
  }
};

/// Stores small files in one directory, up to `batch_files`; the payload is their bytes, one after
/// the other. Each is a change of its own: the first one under the header's request id, the next
/// ones under the ids that follow, which the client uses for nothing else. The terms are those of
/// each; none of them waits for a lock, so `wait_ms` and `if_version` are not taken.
struct PutMany {
  static constexpr Type type = Type::put_many;
  std::string directory;
  std::vector<PutFile> files;
  Terms terms;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("directory", s.directory);
    v.must("files", s.files);
    Terms::fields(v, s.terms);
  }
};

/// What became of one file, as `ErrorReply` or `PutReply` would say it.
struct PutOutcome {
  std::uint16_t code = 0;
  /// Empty: the file itself. It and the detail may be left out for others that say much.
  std::string path;
  std::string detail;
  std::uint64_t version = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("code", s.code);
    v.may("path", s.path);
    v.may("detail", s.detail);
    v.may("version", s.version);
  }
};

struct PutManyReply {
  static constexpr Type type = Type::put_many_reply;
  /// As many as were sent, in that order.
  std::vector<PutOutcome> outcomes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("outcomes", s.outcomes);
  }
};

}  // namespace sluice::protocol
