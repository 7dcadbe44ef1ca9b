// Small files on their way into the tree, written whole under one of the server's own names before
// they are moved into place. Any thread. Read on: posix_publish.cpp, prepared_files.hpp.
#pragma once

#include <span>
#include <string>

#include "storage/root.hpp"
#include "storage/spare_files.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

/// All of a small file, over what is in a spare. False: errno.
bool write_over(const SpareFiles::Spare& spare, std::span<const char> bytes, const FileStamp& stamp,
                const Preserve& preserve);

/// The same into a new file in `directory`. Leaves none where it fails.
Result<void> write_new(int directory, const std::string& name, std::span<const char> bytes,
                       const FileStamp& stamp, const Preserve& preserve);

}  // namespace sluice::storage
