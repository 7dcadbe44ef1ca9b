// Replaced small files, kept to be written over: a filesystem takes longer to free an inode and
// find a free one than to write 4 KiB (ext4 without a journal, hundreds of microseconds once
// thousands were freed in the last minutes). They lie in spare/, each the only name of its file,
// beside new ones that are on their way into the tree.
//
// A spare is written over only when a sync of the whole tree that began after the replacement is
// done. Until then a power loss may bring the old name back, and replay relies on what it leads to.
// Nor may anybody have it open, who would see it change. For the publisher alone, but for
// `open_spare` and `remove_spares`. Read on: docs/architecture.md, "Small files are written over".
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "storage/attributes.hpp"
#include "storage/place.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

class SpareFiles {
 public:
  /// Each rests for so long at least: a call that has found the file under its old name, but not
  /// opened it yet, is younger.
  SpareFiles(std::shared_ptr<const Root> root, std::chrono::milliseconds rest)
      : root_(std::move(root)), rest_(rest) {}

  /// Takes over what an earlier server left: all of the same boot; prepare_root removed others.
  /// False: errno.
  bool adopt();

  /// Exchanges what is at the place with the file of this name in spare/, if it can become a spare:
  /// small, with no other name, ours, and there is room for more. False: all is as it was.
  bool exchange(const std::string& name, const Place& place);

  /// Where a small file is to be written: a name in spare/, of a spare that may be written over if
  /// it can be used, or of nothing yet. It is the caller's.
  struct Slot {
    std::string name;
    bool is_spare = false;
  };
  /// `relaxed`: for a put that is not in the log for sure. It must not lead to bytes of another
  /// file after a power loss, so it gets no spare.
  Slot slot(bool relaxed);
  /// Whether a spare that was given could be used.
  void count_use(bool was_useful) { useless_ = was_useful ? 0 : useless_ + 1; }

  /// See Storage.
  void sync_begins() { before_sync_ = added_; }
  void sync_ended();

 private:
  using Clock = std::chrono::steady_clock;
  struct Kept {
    std::string name;
    /// Of the disk.
    std::uint64_t bytes = 0;
    /// How many were added up to it.
    std::uint64_t ordinal = 0;
    Clock::time_point since;
  };

  void add(std::string name, const struct stat& replaced);
  bool takes(const struct stat& replaced) const;
  void look_for_room();

  std::shared_ptr<const Root> root_;
  std::chrono::milliseconds rest_;
  std::deque<Kept> kept_;
  std::uint64_t disk_bytes_ = 0;
  /// What they may take, as the disk was at the last look.
  std::uint64_t most_bytes_ = 0;
  std::uint64_t last_name_ = 0;
  std::uint64_t added_ = 0;
  /// How many had been added when the sync under way began, and when the last one did.
  std::uint64_t before_sync_ = 0;
  std::uint64_t synced_ = 0;
  /// In a row that could not be used.
  int useless_ = 0;
};

/// A file to be written over, and what it was.
struct Spare {
  Descriptor file;
  struct stat info {};
  /// It could not be used: there is no `file`, and it has been removed.
  bool is_useless = false;
};
/// Opens a spare that was given out. No `file`: it cannot be used, or has been removed for the room
/// it takes. Any thread.
Spare open_spare(const Root& root, const std::string& name);

/// Removes the spares, for the room they take; tells whether there were any. Any thread and
/// process: whoever was about to use one takes a new file.
bool remove_spares(const Root& root);

}  // namespace sluice::storage
