// The end of the commit log: counts generations and sequence numbers, gathers records and writes
// them. Used by the publisher's thread alone; replay makes one for its new generation. Read on:
// publisher.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "broker/publisher/commit_log.hpp"
#include "broker/publisher/outcomes.hpp"
#include "storage/storage.hpp"

namespace sluice::broker::publisher {

using protocol::Result;

class LogWriter {
 public:
  /// Writes to segment `generation`, which was started, from record `next_sequence` on.
  LogWriter(storage::LogFiles& files, std::uint64_t generation, std::uint64_t next_sequence)
      : files_(files), generation_(generation), tried_(generation), next_sequence_(next_sequence) {}

  /// Puts a record behind those gathered.
  void add(const LogRecord& record, std::span<const char> data = {});
  /// Writes what was gathered; not synced. On failure what was gathered is gone; after `no_space`
  /// nothing of it counts and the log goes on.
  Result<void> write();
  /// The same, if so much room is left behind it.
  Result<void> write_leaving(std::uint64_t bytes);
  /// Makes what was written durable. Final when it fails.
  Result<void> sync();
  /// Starts the next segment; what was written before must be synced. On failure the old one goes
  /// on.
  Result<void> start_next();
  /// Gathers the records that begin a segment: all that must outlive the older ones.
  void add_head(const Outcomes& outcomes, std::uint64_t epoch, std::uint64_t up_to,
                std::uint64_t oldest);

  std::uint64_t generation() const { return generation_; }
  std::uint64_t next_sequence() const { return next_sequence_; }
  std::size_t gathered_bytes() const { return gathered_.size(); }
  /// Bytes in this segment since its head.
  std::uint64_t written_bytes() const { return written_bytes_; }
  void forget_written_bytes() { written_bytes_ = 0; }
  bool unsynced() const { return unsynced_; }

 private:
  void forget_gathered();

  storage::LogFiles& files_;
  std::uint64_t generation_;
  /// A segment that could not be started may have left a file behind: its number is not tried
  /// again.
  std::uint64_t tried_;
  std::uint64_t next_sequence_;
  std::string gathered_;
  std::uint64_t gathered_records_ = 0;
  std::uint64_t written_bytes_ = 0;
  bool unsynced_ = false;
};

}  // namespace sluice::broker::publisher
