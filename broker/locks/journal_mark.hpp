// The mark beside the lock journal: what its files must hold at least, and how the server ended
// that wrote there last. By it a torn end, which every crash may leave, is told from damage. Two
// slots are written in turn, so that the one before is whole whatever becomes of a write. Used by
// the thread that starts and stops the server. Read on: journal_recovery.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/errors.hpp"
#include "storage/journal_files.hpp"

namespace sluice::broker::locks {

/// The journal's third file.
inline constexpr unsigned mark_file = 2;

struct JournalMark {
  /// How often it was written.
  std::uint64_t count = 0;
  /// The server has stopped in order: the last frame is the one named here, and on the disk.
  bool stopped = false;
  /// Not all grants of that server waited for the disk.
  bool relaxed = false;
  /// The machine's boot that it ran in; empty: not known.
  std::string boot;
  /// The last frame that was durable when this was written.
  std::uint64_t sequence = 0;
  std::uint64_t checksum = 0;
  /// Sizes of the two files; they never shrink.
  std::array<std::uint64_t, 2> file_bytes{};
  /// Until then, in ms since 1970, everything waited for those whose locks may have been lost.
  std::uint64_t guard_until_ms = 0;
};

/// The newest of both slots; nothing if there is none. Takes any bytes.
std::optional<JournalMark> find_mark(std::string_view bytes);

/// Writes it durably, as the next one.
protocol::Result<void> write_mark(storage::JournalFiles& files, JournalMark& mark);

}  // namespace sluice::broker::locks
