// The records of the lock journal: a lock as it is held, the end of one, and what begins and ends a
// copy. Many lie in one frame (record_frame.hpp), which was one write and counts whole or not at
// all. Pure functions and plain data; used by the lock actor's thread. Read on: lock_journal.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages/locks.hpp"
#include "protocol/token.hpp"

namespace sluice::broker::locks {

/// A lock that is held, with all that is needed to hold it again after a restart.
struct JournaledLock {
  std::uint64_t number = 0;
  protocol::Secret secret;
  /// Of the request that it answered, so that a repeat of it gets the same token.
  std::uint64_t session = 0;
  std::uint64_t request_id = 0;
  /// Which of the session's agents holds it, so that circles of waiters are found as before.
  std::uint64_t agent = 0;
  /// The session's name.
  std::string holder;
  /// Empty: the session's lock.
  std::string owner;
  std::uint32_t ttl_ms = 0;
  std::uint32_t lease_ms = 0;
  /// Milliseconds since 1970; 0 for a session's lock.
  std::uint64_t expires_at_ms = 0;
  std::vector<protocol::LockClaim> claims;
  bool operator==(const JournaledLock&) const = default;
};

/// What the first frame of a file says.
struct JournalHead {
  /// The file holds all there is: nothing was held when it was begun.
  bool whole = false;
  /// The checksum of the last frame of the file that this one follows, if it is not whole.
  std::uint64_t follows = 0;
};

void put_lock(std::string& out, const JournaledLock& lock);
void put_ended(std::string& out, std::uint64_t number);
void put_head(std::string& out, const JournalHead& head);
/// All locks that were held when the file was begun have been copied into it.
void put_copied(std::string& out);

/// Told of each record of a frame, in order.
struct RecordVisitor {
  std::function<void(JournaledLock)> lock;
  std::function<void(std::uint64_t number)> ended;
  std::function<void(const JournalHead&)> head;
  std::function<void()> copied;
};

/// Takes any bytes. False: they are no records, and some may have been told of.
bool read_records(std::string_view content, const RecordVisitor& visitor);

}  // namespace sluice::broker::locks
