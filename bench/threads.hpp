// Load through the client library, one thread a client, all of which begin together when the last
// is prepared. Read on: large.cpp, many.cpp.
#pragma once

#include <functional>

#include "bench/options.hpp"
#include "bench/result.hpp"
#include "sluice/client.hpp"

namespace sluice::bench {

/// How a put is asked for.
inline Change change_of(const Options& options) {
  return {.durability = static_cast<Durability>(options.durability)};
}

/// Where one thread puts down what it did.
class Record {
 public:
  Record(Clock::time_point counts_from, Clock::time_point ends)
      : counts_from_(counts_from), ends_(ends) {}

  /// No more is to be begun.
  bool over() const { return Clock::now() >= ends_; }
  /// An operation that was begun then has ended now. Those of the warm-up do not count.
  void done(Clock::time_point begun);
  const Histogram& latencies() const { return latencies_; }
  /// When the last that counts has ended.
  Clock::time_point last() const { return last_; }

 private:
  Clock::time_point counts_from_;
  Clock::time_point ends_;
  Clock::time_point last_;
  Histogram latencies_;
};

/// What a client does again and again until the time is over, at least once.
using Turn = std::function<void(Record& record)>;
/// Prepares a client and says what it does; called on the client's own thread. The directory is of
/// this run and exists.
using Prepare =
    std::function<Turn(sluice::Client& client, const std::string& directory, unsigned index)>;

/// Throws sluice::Error if the server cannot be reached; what fails later is in the result.
Result run_threads(const Options& options, const Prepare& prepare);

/// Bytes that differ from place to place but cost next to nothing to make; returns `size`.
std::size_t fill(std::uint64_t offset, char* buffer, std::size_t size);

}  // namespace sluice::bench
