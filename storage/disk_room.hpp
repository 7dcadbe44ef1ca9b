// Taking room on a disk before it is written. Pure system calls; any thread.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::storage {

/// Whether so many bytes are free. Asked before blocks are taken: an attempt that fails takes all
/// there are until it has failed, and everybody else finds the disk full meanwhile.
bool has_room(int on_the_disk, std::uint64_t size_bytes);

/// How large the disk is, used or not; nothing if it does not tell.
std::optional<std::uint64_t> disk_bytes(int on_the_disk);

/// Gives a file blocks up to this size. False and errno: it is as it was, and what the attempt took
/// is given back.
bool grow_to(int file, std::uint64_t size_bytes);

}  // namespace sluice::storage
