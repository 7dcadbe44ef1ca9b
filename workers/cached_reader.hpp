// Reads that cannot block, for whoever must not: the broker's thread answers a small file that is
// in memory itself, since two hops to a worker and back cost more than the read. What would have to
// wait for the disk, and what would hold up others, is a worker's as ever. Owned by the broker's
// thread. Read on: operations/get.cpp, broker/broker.cpp.
#pragma once

#include <cstddef>
#include <optional>

#include "runtime/actor.hpp"
#include "storage/storage.hpp"

namespace sluice::workers {

class CachedReader {
 public:
  /// The files must outlive it.
  explicit CachedReader(storage::SmallFiles& files) : files_(files) {}

  /// Larger files are a worker's: what is read of them for a slow client has to be counted.
  static constexpr std::size_t most_bytes = (64u << 10) - 1;

  /// The answer to a client's `get`, to be sent to where that came from; none: a worker has to see
  /// to it.
  std::optional<runtime::Message> answer(const runtime::Message& request, runtime::Time now);
  /// To be called now and then.
  void let_go(runtime::Time now) { files_.let_go(now); }

 private:
  storage::SmallFiles& files_;
  /// What may still be copied before the time moves on.
  std::size_t left_bytes_ = 0;
  runtime::Time turn_ = runtime::never;
};

}  // namespace sluice::workers
