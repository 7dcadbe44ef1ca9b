// How many bytes a session has sent and received: counted by its thread, read by any. Read on:
// client/session.hpp.
#pragma once

#include <atomic>

#include "runtime/message.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

class TrafficCount {
 public:
  void sent(const runtime::Message& message) { add(sent_bytes_, message); }
  void received(const runtime::Message& message) { add(received_bytes_, message); }
  Traffic now() const { return {.sent_bytes = sent_bytes_, .received_bytes = received_bytes_}; }

 private:
  static void add(std::atomic<std::uint64_t>& bytes, const runtime::Message& message) {
    bytes.fetch_add(protocol::Header::wire_bytes + message.body.size() + message.payload.size(),
                    std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> sent_bytes_ = 0;
  std::atomic<std::uint64_t> received_bytes_ = 0;
};

}  // namespace sluice::client
