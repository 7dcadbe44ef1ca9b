// The files of the lock journal as the journal sees them: two of frames, and the mark's.
// `PosixJournal` is the real disk, the simulator's forgets at a power loss what was not synced.
// Read on: broker/locks/lock_journal.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/errors.hpp"

namespace sluice::storage {

using protocol::Result;

/// Files 0, 1 and 2, opened once and kept open. One thread reads, writes and reserves; `sync` may
/// be called from one other at the same time. Errors: `io_error`, `no_space`.
class JournalFiles {
 public:
  virtual ~JournalFiles() = default;
  /// All bytes, none of one that is missing. What was never written is zero; what follows the last
  /// that counts may be anything.
  virtual Result<std::string> read(unsigned which) = 0;
  /// Gives the file room for so many bytes in all, or fails and takes nothing.
  virtual Result<void> reserve(unsigned which, std::uint64_t size_bytes) = 0;
  /// All of it, or an error: then anything may lie from `offset` to the end of what was to be
  /// written, and all before is as it was. Where the file has no room it is reserved first, so on a
  /// full disk nothing is touched. Not durable.
  virtual Result<void> write(unsigned which, std::uint64_t offset, std::string_view bytes) = 0;
  /// Makes durable what was written before the call. A failure is final: all later ones fail too.
  virtual Result<void> sync(unsigned which) = 0;

  /// Its size; nothing: there is no such file.
  virtual std::optional<std::uint64_t> size_bytes(unsigned which) const = 0;
  /// Makes those that are missing, durably, and gives each its first room if there is any. Before
  /// the first write; until then the disk is only read.
  virtual Result<void> make() = 0;
  /// Its name, for messages: ".sluice/locks/a".
  virtual std::string name(unsigned which) const = 0;
  /// Keeps what it holds beside it, durably, as NAME.damaged, in place of an earlier one. Nothing
  /// of one that is missing.
  virtual Result<void> keep_copy(unsigned which) = 0;
  /// What tells this boot of the machine from others, as what was not synced may be gone after
  /// another; empty: not known.
  virtual std::string boot() const = 0;
};

}  // namespace sluice::storage
