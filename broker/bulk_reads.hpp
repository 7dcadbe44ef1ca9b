// How many bytes of files may be read for clients at once. What was read lies in memory until the
// client's connection has taken it, and libzmq tells nobody when that is; so payloads are counted
// until it lets go of them, and a client that reads slowly, or not at all, waits with its next
// reads instead of filling memory. Used by the broker alone. Read on: broker/broker.hpp.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "protocol/payload.hpp"
#include "runtime/held_bytes.hpp"

namespace sluice::broker {

class BulkReads {
 public:
  /// Smaller answers are copied by libzmq, and are bounded by its queue.
  static constexpr std::size_t counted_bytes = 64u << 10;

  /// Takes `bytes` of what the session may have in memory; false if it has too much there already.
  /// A session that has nothing there always may.
  bool begin(std::uint64_t session, std::size_t bytes);
  /// What was begun has ended with this payload, which counts from here on until it was sent.
  protocol::Payload end(std::uint64_t session, std::size_t bytes, protocol::Payload payload);
  /// What was begun is not answered.
  void end(std::uint64_t session, std::size_t bytes) { (void)end(session, bytes, {}); }

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
  std::unordered_map<std::uint64_t, Use> sessions_;
  std::size_t reading_bytes_ = 0;
  runtime::HeldBytes unsent_;
  std::deque<std::uint64_t> waiting_;
};

}  // namespace sluice::broker
