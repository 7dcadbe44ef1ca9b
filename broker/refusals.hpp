// The refusals that a session was lately answered with. A client that has found a new connection
// repeats what is unanswered; when the answer to the first copy comes while the second is on its
// way, that one must not be done: the client has been told that it was refused. Pure data, used by
// the broker alone. Read on: docs/protocol.md, "Repeats".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace sluice::broker {

class Refusals {
 public:
  /// What is kept; what was refused longest ago is forgotten first.
  static constexpr std::size_t most = 256;
  static constexpr std::size_t bytes_most = 16u << 10;
  void remember(std::uint64_t request_id, const std::string& error_body);
  /// The body of the error that the request was answered with; null if that is not known.
  const std::string* find(std::uint64_t request_id) const;

 private:
  std::unordered_map<std::uint64_t, std::string> bodies_;
  /// Request ids, oldest first.
  std::deque<std::uint64_t> order_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::broker
