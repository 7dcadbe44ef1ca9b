// The remembered outcomes of changes, by session and request id, so that a repeated request yields
// the first one. Bounded: the last ones of each session, and in number and bytes those of the
// sessions used last.
// Successes are carried from log segment to log segment; failures are remembered in memory only,
// for nothing came of them. Used by the publisher's thread. Read on: publisher.hpp.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
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
                    std::size_t bytes = protocol::limits::outcomes_bytes)
      : per_session_(per_session), max_bytes_(bytes) {}

  /// What one session and one outcome without a failure cost of the bytes.
  static constexpr std::size_t session_bytes = 160;
  static constexpr std::size_t outcome_bytes = 32;

  /// Of a request remembered already the first outcome stays.
  void remember(std::uint64_t session, std::uint64_t request_id,
                const protocol::Published& outcome);
  std::optional<protocol::Published> find(std::uint64_t session, std::uint64_t request_id);
  void forget(std::uint64_t session, std::uint64_t request_id);
  /// From here on they may take so many bytes.
  void bound(std::size_t bytes);

  /// The successes as data of log records, each at most `chunk_bytes` (at least one entry) long.
  std::vector<std::string> chunks(std::size_t chunk_bytes = 1u << 20) const;
  /// Takes in what `chunks` gave; bytes behind the last whole entry are ignored.
  void add_chunk(std::string_view data);

  std::size_t size() const;
  std::size_t sessions() const { return sessions_.size(); }

 private:
  struct One {
    std::uint64_t request_id = 0;
    std::uint64_t version = 0;
    bool trash = false;
    std::unique_ptr<protocol::Published> failure;
  };
  struct Session {
    std::vector<One> ring;
    std::size_t oldest = 0;
    /// Request ids grow: one above this is not in the ring.
    std::uint64_t highest_id = 0;
    std::list<std::uint64_t>::iterator use;
  };
  Session& use(std::uint64_t session);
  static One* find_in(Session& session, std::uint64_t request_id);
  static std::size_t bytes_of(const One& one);
  /// Forgets the sessions used longest ago, never the last one.
  void make_room();

  std::size_t per_session_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, Session> sessions_;
  /// Least recently used first.
  std::list<std::uint64_t> uses_;
};

}  // namespace sluice::broker::publisher
