// What the server's log says of requests that failed for a reason its owner should know: the disk,
// the log, damage. Bounded: a full disk fails thousands of requests a second. Used by the broker.
#pragma once

#include <cstdint>

#include "protocol/messages/session.hpp"
#include "protocol/types.hpp"
#include "runtime/actor.hpp"
#include "runtime/message.hpp"

namespace sluice::broker {

class TroubleLog {
 public:
  static constexpr unsigned lines_a_second = 10;

  /// Writes a line if the error is of that kind: about its path, else that of the request, if it
  /// has one.
  void note(const runtime::Message& request, std::uint64_t session,
            const protocol::ErrorReply& error, runtime::Time now);

 private:
  runtime::Time second_{};
  unsigned lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice::broker
