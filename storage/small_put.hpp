// Small files on their way into the tree, written whole under one of the server's own names before
// they are moved into place. Any thread. Read on: posix_publish.cpp, prepared_files.hpp.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "storage/root.hpp"
#include "storage/spare_files.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

/// A small file that is written whole.
struct WrittenSmall {
  /// In spare/.
  std::string name;
  bool was_spare = false;
  /// There was a spare for it that could not be used.
  bool was_useless = false;
};
/// Over the spare of the slot, or into a new file. Nothing where it fails, and no file is left.
std::optional<WrittenSmall> write_small(const Root& root, const SpareFiles::Slot& slot,
                                        std::span<const char> bytes, const FileStamp& stamp,
                                        const Preserve& preserve);

/// Into a new file in `directory`. Leaves none where it fails.
Result<void> write_new(int directory, const std::string& name, std::span<const char> bytes,
                       const FileStamp& stamp, const Preserve& preserve);

}  // namespace sluice::storage
