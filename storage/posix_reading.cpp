// PosixStorage: reading files. A small file is read at once; a larger one gets a hard link in
// snapshots/, made to the inode that was opened, so that its readers see one version whatever
// happens to the path. Workers.
#include <algorithm>
#include <memory>

#include "protocol/limits.hpp"
#include "storage/cached_files.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/own_names.hpp"
#include "storage/place.hpp"
#include "storage/posix_storage.hpp"
#include "storage/trash.hpp"
#include "storage/whole_file.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;
namespace limits = protocol::limits;

namespace {

// A file may be replaced between opening and linking, but hardly so often.
constexpr int open_attempts = 100;

// False: errno; ENOENT if the last name of the file is gone.
bool link_snapshot(const Root& root, int fd, const struct stat& info, const std::string& name) {
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    if (link_descriptor(fd, root.snapshots.get(), name)) return true;
    if (errno != EEXIST) return false;
    struct stat there;
    if (::fstatat(root.snapshots.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        there.st_ino == info.st_ino && there.st_dev == info.st_dev)
      return true;
    if (!unlink_with_leaves(root, root.snapshots.get(), name)) return false;
  }
  errno = EEXIST;
  return false;
}

struct OpenSnapshot {
  Descriptor file;
  std::uint64_t size_bytes = 0;
};

// To be read from `offset` on.
Result<OpenSnapshot> open_snapshot(const Root& root, const std::string& name,
                                   std::uint64_t offset) {
  if (auto ok = check_own_name(name); !ok) return tl::make_unexpected(ok.error());
  if (offset % limits::leaf_bytes != 0)
    return fail(Code::bad_message, {}, "the offset is not a multiple of the leaf size");
  Descriptor file = open_at(root.snapshots.get(), name, O_RDONLY | O_NONBLOCK);
  if (!file && errno == ENOENT) return fail(Code::snapshot_gone);
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0) return failure({}, "opening a snapshot");
  return OpenSnapshot{std::move(file), static_cast<std::uint64_t>(info.st_size)};
}

}  // namespace

Result<Opened> PosixStorage::open(const std::string& path, std::size_t whole_bytes,
                                  const std::string& snapshot) {
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    Found found;
    auto file = open_file(*root_, path, found);
    if (!file) return tl::make_unexpected(std::move(file.error()));
    if (std::cmp_less_equal(found.info.st_size, whole_bytes))
      return read_whole(file->get(), found, path);
    Opened opened{found.attributes(), {}, false};
    if (auto ok = check_own_name(snapshot); !ok) return tl::make_unexpected(ok.error());
    opened.snapshot_made = link_snapshot(*root_, file->get(), found.info, snapshot);
    if (opened.snapshot_made) return opened;
    if (errno != ENOENT) return failure(path, "making a snapshot of it");
  }
  return fail(Code::io_error, path, "it was replaced again and again while it was opened");
}

Result<std::optional<Opened>> PosixStorage::read_small(const std::string& path,
                                                       std::size_t most_bytes) {
  Found found;
  const auto file = open_file(*root_, path, found);
  if (!file) return tl::make_unexpected(file.error());
  if (std::cmp_greater(found.info.st_size, most_bytes)) return std::nullopt;
  return read_whole(file->get(), found, path);
}

std::unique_ptr<SmallFiles> PosixStorage::small_files() const {
  return std::make_unique<CachedFiles>(root_);
}

Result<Piece> PosixStorage::read_snapshot(const std::string& snapshot, std::uint64_t offset,
                                          std::size_t length) {
  const auto opened = open_snapshot(*root_, snapshot, offset);
  if (!opened) return tl::make_unexpected(opened.error());
  const auto& [file, file_size] = *opened;
  const std::uint64_t rest = file_size - std::min(offset, file_size);
  std::size_t size = length;
  if (rest <= length)
    size = static_cast<std::size_t>(rest);
  else
    size -= length % limits::leaf_bytes;
  if (size == 0) return Piece{};

  auto bytes = read_payload(file.get(), offset, size, {});
  if (!bytes) return tl::make_unexpected(std::move(bytes.error()));
  Piece piece{std::move(*bytes), {}};
  const auto stamp = read_stamp(file.get()).stamp;
  if (stamp && file_size > limits::leaf_bytes)
    piece.leaves = stored_leaves(*root_, stamp->version, offset, piece.bytes.size());
  if (piece.leaves.empty()) piece.leaves = protocol::leaves_of(piece.bytes.bytes());
  return piece;
}

Result<std::string> PosixStorage::snapshot_leaves(const std::string& snapshot, std::uint64_t offset,
                                                  std::size_t count) {
  const auto opened = open_snapshot(*root_, snapshot, offset);
  if (!opened) return tl::make_unexpected(opened.error());
  const auto& [file, file_size] = *opened;
  const std::uint64_t rest = file_size - std::min(offset, file_size);
  std::uint64_t wanted =
      std::min<std::uint64_t>(count, protocol::leaf_count(rest, limits::leaf_bytes));
  if (wanted == 0) return std::string{};
  const auto stamp = read_stamp(file.get()).stamp;
  if (stamp && file_size > limits::leaf_bytes) {
    std::string stored =
        stored_leaves(*root_, stamp->version, offset, std::min(wanted * limits::leaf_bytes, rest));
    if (!stored.empty()) return stored;
  }
  wanted = std::min<std::uint64_t>(wanted, limits::leaves_made_anew);
  const std::uint64_t end = offset + std::min(wanted * limits::leaf_bytes, rest);
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::chunk_bytes);
  std::string leaves;
  for (std::uint64_t at = offset; at < end; at += limits::chunk_bytes) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(limits::chunk_bytes, end - at));
    const ssize_t got = read_at(file.get(), buffer.get(), size, at);
    if (got < 0) return failure({}, "reading a snapshot");
    leaves += protocol::leaves_of({buffer.get(), static_cast<std::size_t>(got)});
    if (static_cast<std::size_t>(got) < size) break;
  }
  return leaves;
}

Result<void> PosixStorage::drop_snapshot(const std::string& snapshot) {
  if (auto ok = check_own_name(snapshot); !ok) return ok;
  if (!unlink_with_leaves(*root_, root_->snapshots.get(), snapshot))
    return failure({}, "dropping a snapshot");
  return {};
}

}  // namespace sluice::storage
