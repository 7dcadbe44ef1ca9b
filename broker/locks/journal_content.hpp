// One file of the lock journal as it is found at a start: its frames up to the first that does not
// check out, and what lies behind that. Takes any bytes. Pure functions; used by the thread that
// starts the server. Read on: journal_recovery.cpp, which judges what it means.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "broker/locks/journal_records.hpp"

namespace sluice::broker::locks {

/// By number.
using HeldLocks = std::map<std::uint64_t, JournaledLock>;

struct JournalContent {
  std::string bytes;
  /// Nothing: the file does not begin as a journal does.
  std::optional<JournalHead> head;
  std::uint64_t generation = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_checksum = 0;
  /// Behind the last frame of those that follow each other from the beginning.
  std::uint64_t end_bytes = 0;
  bool whole = false;
};

/// Reads the frames from the beginning. Stops where one does not check out, or makes no sense: then
/// that one does not count. With `held` changes that as they say.
void read_frames(JournalContent& file, HeldLocks* held);

/// The file's generation; without a head as the frame behind it tells, which must check out.
std::optional<std::uint64_t> generation_of(const JournalContent& file);

/// Whether a later frame of the same file lies behind the end of a file that has a head: what lies
/// between was there, and is damaged, or was lost with the power.
bool goes_on_behind_end(const JournalContent& file);

/// As `read_frames`, but goes on behind damage with the frames that check out there. Gives the last
/// sequence that was found.
std::uint64_t salvage_frames(const JournalContent& file, HeldLocks& held);

}  // namespace sluice::broker::locks
