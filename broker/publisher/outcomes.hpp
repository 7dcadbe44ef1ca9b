// The remembered outcomes of changes, by session and request id, so that a repeated request yields
// the first one. Successes are what must not be done again: the last ones of each session, in bytes
// those of the sessions used last, are carried from log segment to log segment. Failures, of which
// nothing came, are remembered in memory only and have bytes of their own, the latest of all
// sessions: however many and long they are, no success is forgotten for them.
// Used by the publisher's thread. Read on: publisher.hpp.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/limits.hpp"
#include "protocol/messages/commits.hpp"

namespace sluice::broker::publisher {

class Outcomes {
 public:
  explicit Outcomes(std::size_t per_session = protocol::limits::outcomes_per_session,
                    std::size_t bytes = protocol::limits::outcomes_bytes,
                    std::size_t failures_bytes = protocol::limits::failures_bytes)
      : per_session_(per_session), max_bytes_(bytes), max_failures_bytes_(failures_bytes) {}

  /// What one session with a success, and each of them, cost of the bytes.
  static constexpr std::size_t session_bytes = 160;
  static constexpr std::size_t outcome_bytes = 32;
  /// What a failure costs of theirs besides its path and detail.
  static constexpr std::size_t failure_bytes = 240;

  /// Of a request remembered already the first outcome stays.
  void remember(std::uint64_t session, std::uint64_t request_id,
                const protocol::Published& outcome);
  std::optional<protocol::Published> find(std::uint64_t session, std::uint64_t request_id);
  void forget(std::uint64_t session, std::uint64_t request_id);
  /// From here on successes may take so many bytes.
  void bound(std::size_t bytes);

  /// The successes as data of log records, each at most `chunk_bytes` (at least one entry) long.
  std::vector<std::string> chunks(std::size_t chunk_bytes = 1u << 20) const;
  /// Takes in what `chunks` gave; bytes behind the last whole entry are ignored.
  void add_chunk(std::string_view data);

  std::size_t size() const;
  /// Those of which a success is remembered.
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct One {
    std::uint64_t request_id = 0;
    std::uint64_t version = 0;
    bool trash = false;
  };
  struct Session {
    std::vector<One> ring;
    std::size_t oldest = 0;
    /// Request ids grow: one above this is not in the ring.
    std::uint64_t highest_id = 0;
    std::list<std::uint64_t>::iterator use;
  };
  struct Request {
    std::uint64_t session = 0;
    std::uint64_t request_id = 0;
    bool operator==(const Request&) const = default;
  };
  struct HashOfRequest {
    std::size_t operator()(const Request& request) const {
      return request.session * 0x9e3779b97f4a7c15 + request.request_id;
    }
  };
  struct Failure {
    Request request;
    protocol::Published outcome;
  };
  Session& use(std::uint64_t session);
  static One* find_in(Session& session, std::uint64_t request_id);
  One* find_success(const Request& request);
  void remember_success(const Request& request, const protocol::Published& outcome);
  void remember_failure(const Request& request, const protocol::Published& outcome);
  static std::size_t bytes_of(const Failure& failure);
  void drop_failure(std::list<Failure>::iterator failure);
  /// Forgets the sessions used longest ago, never the last one.
  void make_room();

  std::size_t per_session_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, Session> sessions_;
  /// Least recently used first.
  std::list<std::uint64_t> uses_;

  std::size_t max_failures_bytes_;
  std::size_t failures_bytes_ = 0;
  /// Oldest first.
  std::list<Failure> failures_;
  std::unordered_map<Request, std::list<Failure>::iterator, HashOfRequest> failed_;
};

}  // namespace sluice::broker::publisher
