// Messages between a client and the broker about the session itself, and the error that answers
// anything. Plain data. Read on: docs/protocol.md, "Sessions".
#pragma once

#include "protocol/codec.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// Answers any request that failed. `code` is a number of the error table; `path` the path it is
/// about, if any; `detail` what more is known, for a person to read.
struct ErrorReply {
  static constexpr Type type = Type::error;
  Code code{};
  std::string path;
  std::string detail;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("code", s.code);
    v.may("path", s.path);
    v.may("detail", s.detail);
  }
};

/// Which of a session's two connections says hello. Locks, heartbeats and small things go over
/// `control`, payloads over `bulk`, so that no lock reply queues behind megabytes.
enum class Connection : std::uint8_t { control = 0, bulk = 1 };

/// The first message on every connection, and again whenever the broker answers `hello_required`.
struct Hello {
  static constexpr Type type = Type::hello;
  std::uint8_t version_min = 0;
  std::uint8_t version_max = 0;
  /// 16 random bytes chosen by the client; saying it again resumes the session. A secret.
  Binary secret;
  Connection connection{};
  /// Shown to others in lists of locks: "user@host:pid". At most 128 bytes.
  std::string name;
  /// 0: the server's default.
  std::uint32_t lease_ms = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version_min", s.version_min);
    v.must("version_max", s.version_max);
    v.must("secret", s.secret);
    v.may("connection", s.connection);
    v.may("name", s.name);
    v.may("lease_ms", s.lease_ms);
  }
};

/// The broker's answer to `Hello`: the version spoken from here on, and every limit a client must
/// keep.
struct Welcome {
  static constexpr Type type = Type::welcome;
  std::uint8_t version = 0;
  /// The public number of the session, made from the secret.
  std::uint64_t session = 0;
  /// Whether the server still knew the session (its locks and unanswered requests).
  bool resumed = false;
  std::uint32_t lease_ms = 0;
  /// Grows with every start of the server.
  std::uint64_t epoch = 0;
  std::uint32_t window_requests = 0;
  std::uint32_t window_bytes = 0;
  std::uint32_t chunk_bytes = 0;
  std::uint32_t leaf_bytes = 0;
  std::uint32_t small_file_bytes = 0;
  std::string server;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("version", s.version);
    v.must("session", s.session);
    v.may("resumed", s.resumed);
    v.must("lease_ms", s.lease_ms);
    v.must("epoch", s.epoch);
    v.must("window_requests", s.window_requests);
    v.must("window_bytes", s.window_bytes);
    v.must("chunk_bytes", s.chunk_bytes);
    v.must("leaf_bytes", s.leaf_bytes);
    v.must("small_file_bytes", s.small_file_bytes);
    v.may("server", s.server);
  }
};

/// A message without fields; one type each so that a handler's signature names what it handles.
template <Type wire_type>
struct Empty {
  static constexpr Type type = wire_type;
  template <class V, class S>
  static void fields(V&, S&) {}
};

/// Keeps the session alive when nothing else is sent.
using Ping = Empty<Type::ping>;

struct Pong {
  static constexpr Type type = Type::pong;
  std::uint64_t epoch = 0;
  std::uint64_t jobs_under_way = 0;
  std::uint32_t workers = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("epoch", s.epoch);
    v.may("jobs_under_way", s.jobs_under_way);
    v.may("workers", s.workers);
  }
};

/// Ends the session at once: its locks are released, its uploads and snapshots dropped.
using Bye = Empty<Type::bye>;
using ByeReply = Empty<Type::bye_reply>;

/// Stops a waiting `AcquireLock` or change of the same session; that one is then answered with
/// `cancelled`. Answered in any case: what is no longer waiting is not stopped.
struct Cancel {
  static constexpr Type type = Type::cancel;
  std::uint64_t request_id = 0;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("request_id", s.request_id);
  }
};
using CancelReply = Empty<Type::cancel_reply>;

}  // namespace sluice::protocol
