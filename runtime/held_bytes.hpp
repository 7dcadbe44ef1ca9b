// Counts bytes of messages that somebody still holds, as libzmq does until it has sent them.
// What is held is let go of on any thread, such as libzmq's; all else is for one thread. Read on:
// broker/bulk_reads.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace sluice::runtime {

class HeldBytes {
 public:
  using Owner = std::shared_ptr<const void>;

  /// So many bytes, which count until the last one who has this lets go, and with it of `owner`.
  Owner hold(std::size_t size, Owner owner) {
    return std::make_shared<Held>(std::move(owner), size, count_);
  }
  std::size_t count() const { return *count_; }

 private:
  using Count = std::shared_ptr<std::atomic<std::size_t>>;

  struct Held {
    Held(Owner kept, std::size_t bytes, Count counted)
        : owner(std::move(kept)), size(bytes), count(std::move(counted)) {
      *count += size;
    }
    ~Held() { *count -= size; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    Owner owner;
    std::size_t size;
    Count count;
  };

  /// Outlives this, if something is still held.
  Count count_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace sluice::runtime
