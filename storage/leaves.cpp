// Leaves: see leaves.hpp.
#include "storage/leaves.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <future>
#include <memory>

#include "protocol/limits.hpp"
#include "storage/failure.hpp"
#include "storage/own_names.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

namespace limits = protocol::limits;

std::uint64_t leaves_size(std::uint64_t size_bytes) {
  return protocol::leaf_count(size_bytes, limits::leaf_bytes) * leaf_digest_bytes;
}

bool is_missing(std::string_view digest) {
  return std::all_of(digest.begin(), digest.end(), [](char c) { return c == '\0'; });
}

std::string_view LeafReader::next() {
  piece_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end_ - offset_)));
  const ssize_t got = read_at(fd_, piece_.data(), piece_.size(), offset_);
  if (got != static_cast<ssize_t>(piece_.size())) {
    error_ = got < 0 ? errno : ENODATA;
    end_ = offset_;
    return {};
  }
  offset_ += piece_.size();
  return piece_;
}

std::optional<Digest> stored_root(int leaves, std::uint64_t size_bytes) {
  protocol::RootDigest root;
  LeafReader reader(leaves, 0, size_bytes);
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) root.add(piece);
  errno = reader.error();
  if (reader.error() != 0) return std::nullopt;
  return root.digest();
}

std::string stored_leaves(const Root& root, std::uint64_t version, std::uint64_t offset,
                          std::size_t size) {
  const Descriptor file = open_at(root.digests.get(), hex_name(version), O_RDONLY);
  if (!file) return {};
  std::string leaves(leaves_size(size), '\0');
  const ssize_t got = read_at(file.get(), leaves.data(), leaves.size(), leaves_size(offset));
  return got == static_cast<ssize_t>(leaves.size()) ? leaves : std::string{};
}

namespace {

// Whether the bytes are in a hole of the file. Reading one would fill the page cache with its
// zeros.
bool is_hole(int fd, std::uint64_t offset, std::uint64_t size) {
  const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
  if (data >= 0) return static_cast<std::uint64_t>(data) >= offset + size;
  struct stat info;
  return errno == ENXIO && ::fstat(fd, &info) == 0 &&
         static_cast<std::uint64_t>(info.st_size) >= offset + size;
}

// False: errno.
bool read_whole(int fd, char* buffer, std::size_t size, std::uint64_t offset) {
  const ssize_t got = read_at(fd, buffer, size, offset);
  if (got >= 0 && got != static_cast<ssize_t>(size)) errno = ENODATA;
  return got == static_cast<ssize_t>(size);
}

// Whoever has sent so much waits for it: a tenth of a second a GiB with one core.
constexpr std::uint64_t halved_from_bytes = 16ull << 20;

// The bytes of one leaf.
bool leaf_matches(int fd, std::uint64_t offset, std::span<char> buffer, std::string_view expected) {
  static const std::string zeros = protocol::leaves_of_zeros(limits::leaf_bytes);
  if (expected == zeros && is_hole(fd, offset, buffer.size())) return true;
  const iovec part{buffer.data(), buffer.size()};
  const ssize_t got = ::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (got != static_cast<ssize_t>(buffer.size())) return true;
  const Digest digest = protocol::digest_of(buffer);
  return expected == std::string_view(digest.data(), digest.size());
}

// See cached_bytes_match(); `begin` is at a leaf.
Result<bool> range_matches(int fd, std::uint64_t begin, std::uint64_t end, int leaves) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::leaf_bytes);
  std::uint64_t offset = begin;
  LeafReader reader(leaves, begin, end);
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) {
    for (std::size_t i = 0; i < piece.size(); i += leaf_digest_bytes) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(limits::leaf_bytes, end - offset));
      if (!leaf_matches(fd, offset, {buffer.get(), size}, piece.substr(i, leaf_digest_bytes)))
        return false;
      offset += size;
    }
  }
  if (reader.error() != 0) return failure({}, "reading the leaves of an upload", reader.error());
  return true;
}

}  // namespace

Result<bool> cached_bytes_match(int fd, std::uint64_t size_bytes, int leaves) {
  if (size_bytes < halved_from_bytes) return range_matches(fd, 0, size_bytes, leaves);
  const std::uint64_t middle = size_bytes / 2 / limits::leaf_bytes * limits::leaf_bytes;
  // Where there is no thread to be had, `get` does its half.
  auto first = std::async([&] { return range_matches(fd, 0, middle, leaves); });
  const auto second = range_matches(fd, middle, size_bytes, leaves);
  auto both = first.get();
  return both && *both ? second : both;
}

bool hash_file(int fd, std::uint64_t size_bytes, int leaves, Digest& root) {
  static_assert(limits::chunk_bytes % limits::leaf_bytes == 0);
  protocol::RootDigest made;
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::chunk_bytes);
  for (std::uint64_t offset = 0; offset < size_bytes; offset += limits::chunk_bytes) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(limits::chunk_bytes, size_bytes - offset));
    std::string some;
    if (is_hole(fd, offset, size)) {
      some = protocol::leaves_of_zeros(size);
    } else {
      if (!read_whole(fd, buffer.get(), size, offset)) return false;
      some = protocol::leaves_of({buffer.get(), size});
    }
    if (!write_at(leaves, some, leaves_size(offset))) return false;
    made.add(some);
  }
  root = made.digest();
  return true;
}

}  // namespace sluice::storage
