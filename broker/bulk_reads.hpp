// How many bytes may be read for clients at once. What was read, of files or of what is known about
// them, lies in memory until the client's connection has taken it, and libzmq tells nobody when
// that is; so payloads and large bodies are counted until it lets go of them, and a client that
// reads slowly, or not at all, waits with its next reads instead of filling memory. Used by the
// broker alone. Read on: broker/broker.hpp.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/held_bytes.hpp"
#include "runtime/message.hpp"

namespace sluice::broker {

/// What an answer to the request may have in memory until it was sent; none where it is always
/// small.
std::optional<std::size_t> bulk_bytes(const protocol::Header& request);

class BulkReads {
 public:
  /// Smaller answers are copied by libzmq, and are bounded by its queue.
  static constexpr std::size_t counted_bytes = 64u << 10;

  /// Takes `bytes` of what the session may have in memory; false if it has too much there already.
  /// A session that has nothing there always may.
  bool begin(std::uint64_t session, std::size_t bytes);
  /// What was begun has ended, with an answer or without.
  void end(std::uint64_t session, std::size_t bytes);
  /// The answer counts from here on until it was sent.
  void hold(std::uint64_t session, runtime::Message& answer);

  /// Jobs that wait until they may begin, first come first served.
  void wait(std::uint64_t job) { waiting_.push_back(job); }
  bool any_waiting() const { return !waiting_.empty(); }
  std::deque<std::uint64_t> take_waiting() { return std::exchange(waiting_, {}); }

  /// Forgets sessions that have nothing in memory.
  void forget_idle();

 private:
  struct Use {
    std::size_t reading_bytes = 0;
    runtime::HeldBytes unsent;
    std::size_t bytes() const { return reading_bytes + unsent.count(); }
  };
  runtime::HeldBytes::Owner held(Use& use, std::size_t size, runtime::HeldBytes::Owner owner);

  std::unordered_map<std::uint64_t, Use> sessions_;
  std::size_t reading_bytes_ = 0;
  runtime::HeldBytes unsent_;
  std::deque<std::uint64_t> waiting_;
};

}  // namespace sluice::broker
