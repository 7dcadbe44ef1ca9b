// Files of leaf digests: 16 bytes a leaf, all zero where the leaf has not arrived (no leaf has that
// digest, as good as surely). Beside an upload in staging, and by version in digests/. Any thread.
#pragma once

#include <cstdint>
#include <optional>
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

/// Reads a file of leaves from start to end, piece by piece, as for the largest file it has 2 GiB.
/// Not mapped: what the disk cannot read, or somebody cuts off meanwhile, would be the end of the
/// process.
class LeafReader {
 public:
  static constexpr std::size_t piece_bytes = 1u << 20;
  /// The leaves of the bytes of a file from `begin` (a multiple of the leaf size) to `end`. `fd` is
  /// open for reading and outlives this.
  LeafReader(int fd, std::uint64_t begin, std::uint64_t end)
      : fd_(fd), offset_(leaves_size(begin)), end_(leaves_size(end)) {}
  /// The next ones, whole; empty at the end, or where they cannot be read: `error` tells. They are
  /// there until the next call.
  std::string_view next();
  /// The errno of the failure, ENODATA where the file of leaves is too short; 0 if there was none.
  int error() const { return error_; }

 private:
  int fd_;
  std::uint64_t offset_;
  std::uint64_t end_;
  std::string piece_;
  int error_ = 0;
};

/// The root digest of all leaves of a file of that size; nothing where they cannot be read: errno.
std::optional<Digest> stored_root(int leaves, std::uint64_t size_bytes);

/// The leaves that were stored with a version, of the `size` bytes at `offset`; empty if there are
/// none, or not all.
std::string stored_leaves(const Root& root, std::uint64_t version, std::uint64_t offset,
                          std::size_t size);

/// Whether the bytes of a file that are still in memory have the digests in the file `leaves`;
/// those that only the disk has are not read. Bytes that cannot be read pass: whoever reads or
/// syncs them will be told. Fails where the leaves cannot be read.
Result<bool> cached_bytes_match(int fd, std::uint64_t size_bytes, int leaves);

/// The root digest of the `size_bytes` of a file, read from start to end but for holes, whose
/// digests are known; its leaves go into the empty file `leaves`. False: errno (ENODATA where the
/// file is shorter).
bool hash_file(int fd, std::uint64_t size_bytes, int leaves, Digest& root);

}  // namespace sluice::storage
