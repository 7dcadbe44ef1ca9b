// Files of leaf digests: 16 bytes a leaf, all zero where the leaf has not arrived (no leaf has that
// digest, as good as surely). Beside an upload in staging, and by version in digests/. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/descriptor.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

struct Root;

inline constexpr std::size_t leaf_digest_bytes = sizeof(Digest);

/// Bytes of leaves that a file of this size has.
std::uint64_t leaves_size(std::uint64_t size_bytes);

/// Whether this one digest says "not arrived".
bool is_missing(std::string_view digest);

/// A whole file of leaves, mapped and not copied: for the largest file it has 2 GiB.
class MappedLeaves {
 public:
  /// `fd` is open for reading. On failure `ok` is false: errno.
  explicit MappedLeaves(int fd);
  ~MappedLeaves();
  MappedLeaves(const MappedLeaves&) = delete;
  MappedLeaves& operator=(const MappedLeaves&) = delete;
  bool ok() const { return ok_; }
  std::string_view all() const { return {data_, size_}; }

 private:
  bool ok_ = false;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The leaves that were stored with a version, of the `size` bytes at `offset`; empty if there are
/// none, or not all.
std::string stored_leaves(const Root& root, std::uint64_t version, std::uint64_t offset,
                          std::size_t size);

/// Whether the bytes of a file that are still in memory have these digests; those that only the
/// disk has are not read. What cannot be read passes: whoever reads or syncs it will be told.
bool cached_bytes_match(int fd, std::uint64_t size_bytes, std::string_view leaves);

/// The root digest of the `size_bytes` of a file, read from start to end but for holes, whose
/// digests are known; its leaves go into the
/// empty file `leaves`. False: errno (ENODATA where the file is shorter).
bool hash_file(int fd, std::uint64_t size_bytes, int leaves, Digest& root);

}  // namespace sluice::storage
