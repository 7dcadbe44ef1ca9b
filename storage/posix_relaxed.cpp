// PosixStorage: uploads that were finished without a sync: made durable after all, or, after a
// power loss, looked at whether they are whole. The publisher alone. Read on: posix_uploads.cpp.
#include <memory>

#include "protocol/limits.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/own_names.hpp"
#include "storage/posix_storage.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;
namespace limits = protocol::limits;

namespace {

struct OpenUpload {
  Descriptor data;
  /// None if it has one leaf at most, or they are gone.
  Descriptor leaves;
};

// Claimed, or else in the tree, or, with "", not at all. Replay sets files aside without their
// leaves, which then are where they belong.
Result<OpenUpload> open_either(const Root& root, std::uint64_t number, const std::string& path) {
  OpenUpload upload;
  const std::string name = hex_name(number);
  upload.data = open_at(root.claimed.get(), name, O_RDONLY | O_NONBLOCK);
  if (!upload.data && errno == ENOENT && !path.empty())
    upload.data = open_beneath(root.tree.get(), path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (!upload.data && errno == ENOENT) return fail(Code::not_found, path);
  if (!upload.data) return failure(path, "opening an upload");
  upload.leaves = open_at(root.claimed.get(), leaves_name(name), O_RDONLY);
  if (!upload.leaves) upload.leaves = open_at(root.digests.get(), name, O_RDONLY);
  return upload;
}

// What the disk cannot read is not what was stored.
bool has_leaves(int fd, std::uint64_t size_bytes, int leaves) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::leaf_bytes);
  std::uint64_t offset = 0;
  LeafReader reader(leaves, 0, size_bytes);
  for (auto piece = reader.next(); !piece.empty(); piece = reader.next()) {
    for (std::size_t i = 0; i < piece.size(); i += leaf_digest_bytes) {
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>(limits::leaf_bytes, size_bytes - offset));
      if (read_at(fd, buffer.get(), size, offset) != static_cast<ssize_t>(size)) return false;
      const Digest digest = protocol::digest_of({buffer.get(), size});
      if (piece.substr(i, leaf_digest_bytes) != std::string_view(digest.data(), digest.size()))
        return false;
      offset += size;
    }
  }
  return reader.error() == 0;
}

}  // namespace

Result<void> PosixStorage::sync_upload(std::uint64_t number, const std::string& path) {
  const auto upload = open_either(*root_, number, path);
  if (!upload) return tl::make_unexpected(upload.error());
  if (::fsync(upload->data.get()) == 0 &&
      (!upload->leaves || ::fdatasync(upload->leaves.get()) == 0))
    return {};
  return failure(path, "syncing an upload");
}

Result<bool> PosixStorage::is_whole(const std::string& path, const FileStamp& stamp) {
  const auto upload = open_either(*root_, stamp.version, path);
  if (!upload) return tl::make_unexpected(upload.error());
  struct stat info;
  if (::fstat(upload->data.get(), &info) != 0) return failure(path, "looking at an upload");
  if (!S_ISREG(info.st_mode) || !std::cmp_equal(info.st_size, stamp.size_bytes)) return false;
  if (stamp.size_bytes <= limits::leaf_bytes) {
    std::string bytes(stamp.size_bytes, '\0');
    return read_at(upload->data.get(), bytes.data(), bytes.size(), 0) ==
               static_cast<ssize_t>(bytes.size()) &&
           protocol::root_of(protocol::leaves_of(bytes)) == stamp.root;
  }
  if (!upload->leaves) return false;
  return stored_root(upload->leaves.get(), stamp.size_bytes) == stamp.root &&
         has_leaves(upload->data.get(), stamp.size_bytes, upload->leaves.get());
}

}  // namespace sluice::storage
