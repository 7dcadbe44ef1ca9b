// Replaced small files, kept to be written over: a filesystem takes longer to free an inode and
// find a free one than to write 4 KiB (ext4 without a journal, hundreds of microseconds once
// thousands were freed in the last minutes). They lie in spare/, each the only name of its file.
//
// A spare is written over only when a sync of the whole tree that began after the replacement is
// done. Until then a power loss may bring the old name back, and replay relies on what it leads to.
// Nor may anybody have it open, who would see it change. For the publisher alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "storage/attributes.hpp"
#include "storage/place.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

class SpareFiles {
 public:
  explicit SpareFiles(std::shared_ptr<const Root> root) : root_(std::move(root)) {}

  /// Takes over what an earlier server left: all of the same boot; prepare_root removed others.
  /// False: errno.
  bool adopt();

  /// Whether a replaced file can become a spare: small, with no other name, ours, and there is room
  /// for more.
  bool takes(const struct stat& replaced) const;

  /// A file to be written, empty or with anything in it, and its name in spare/. False: errno.
  struct Fresh {
    Descriptor file;
    std::string name;
    std::uint64_t size_bytes = 0;
    std::optional<mode_t> mode;
  };
  bool get(Fresh& fresh);

  /// What has that name in spare/ now was replaced just now and is a spare.
  void add(const std::string& name, const struct stat& replaced);

  /// See Storage.
  void sync_begins() { before_sync_ = added_; }
  void sync_ended() { synced_ = before_sync_; }

 private:
  struct Spare {
    std::string name;
    std::uint64_t size_bytes = 0;
    /// How many were added up to it.
    std::uint64_t ordinal = 0;
  };

  bool reuse(const Spare& spare, Fresh& fresh) const;
  void look_for_room();
  void drop_all();

  std::shared_ptr<const Root> root_;
  std::deque<Spare> spares_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_name_ = 0;
  bool room_ = true;
  std::uint64_t added_ = 0;
  /// How many had been added when the sync under way began, and when the last one did.
  std::uint64_t before_sync_ = 0;
  std::uint64_t synced_ = 0;
};

}  // namespace sluice::storage
