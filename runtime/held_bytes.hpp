// Counts the bytes of payloads that somebody still holds, as libzmq does until it has sent them.
// What is held is let go of on any thread, such as libzmq's; all else is for one thread. Read on:
// broker/bulk_reads.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "protocol/payload.hpp"

namespace sluice::runtime {

class HeldBytes {
 public:
  /// The same bytes, which count until the last one who has them lets go.
  protocol::Payload hold(protocol::Payload payload) {
    const char* data = payload.data();
    const std::size_t size = payload.size();
    return {std::make_shared<Held>(std::move(payload), count_), data, size};
  }
  std::size_t count() const { return *count_; }

 private:
  using Count = std::shared_ptr<std::atomic<std::size_t>>;

  struct Held {
    Held(protocol::Payload taken, Count counted)
        : payload(std::move(taken)), count(std::move(counted)) {
      *count += payload.size();
    }
    ~Held() { *count -= payload.size(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    protocol::Payload payload;
    Count count;
  };

  /// Outlives this, if something is still held.
  Count count_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace sluice::runtime
