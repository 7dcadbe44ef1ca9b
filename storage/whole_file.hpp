// Reading all of an open file at once. Any thread. Read on: posix_reading.cpp, cached_files.cpp.
#pragma once

#include <string>

#include "storage/attributes.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

/// Up to `size` bytes from `offset`, fewer at the end of the file. `cached`: fails, with any error,
/// where the disk would have to be waited for.
Result<Payload> read_payload(int fd, std::uint64_t offset, std::size_t size,
                             const std::string& path, bool cached = false);

/// The file as it was `found`. Fails with `damaged` if it has become shorter.
Result<Opened> read_whole(int fd, const Found& found, const std::string& path, bool cached = false);

}  // namespace sluice::storage
