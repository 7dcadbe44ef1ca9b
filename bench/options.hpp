// What to measure, from the command line.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/messages/changes.hpp"

namespace sluice::bench {

struct Options {
  std::string server = "tcp://127.0.0.1:5970";
  std::string op = "get";
  std::uint64_t size_bytes = 4096;
  unsigned clients = 1;
  double seconds = 5;
  /// Load before the seconds that are measured.
  double warm_up_s = 0;
  /// A tree of put-many and get-many.
  std::uint64_t files = 10'000;
  /// Locks: the next is asked for when the release is answered, not together with it.
  bool await_release = false;
  /// Locks of peers without a queue: how long one that found the lock taken waits before it tries
  /// again.
  unsigned backoff_ms = 0;
  /// Locks belong to named owners and not to sessions.
  bool named = false;
  /// Locks held by other sessions while locks are measured.
  std::uint64_t held = 0;
  /// Of what is put, but for the files that are only to be got.
  protocol::Durability durability{};
  bool json = false;
};

}  // namespace sluice::bench
