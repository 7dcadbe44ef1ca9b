// PosixStorage: comparing what is on the disk with the digests that were stored with it. Workers.
// Read on: leaves.hpp, posix_reading.cpp.
#include <algorithm>
#include <memory>

#include "protocol/limits.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/place.hpp"
#include "storage/posix_storage.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;
using protocol::VerifyReply;
namespace limits = protocol::limits;

namespace {

void add_damage(VerifyReply& reply, std::uint64_t offset, std::uint64_t length) {
  if (!reply.damaged.empty()) {
    auto& last = reply.damaged.back();
    if (last.offset_bytes + last.length_bytes == offset) {
      last.length_bytes += length;
      return;
    }
  }
  reply.damaged.push_back({offset, length});
}

// Leaf by leaf: what a worn disk cannot read is one leaf, and not the end of the search. `stored`
// may be empty.
Result<void> read_leaves(int fd, const protocol::Verify& wanted, std::string_view stored,
                         VerifyReply& reply) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::leaf_bytes);
  for (std::uint64_t done = 0; done < reply.length_bytes; done += limits::leaf_bytes) {
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(limits::leaf_bytes, reply.length_bytes - done));
    const ssize_t got = read_at(fd, buffer.get(), size, wanted.offset_bytes + done);
    if (got < 0 && errno != EIO) return failure(wanted.path, "reading it");
    const bool is_read = got == static_cast<ssize_t>(size);
    const Digest digest = is_read ? protocol::digest_of({buffer.get(), size}) : Digest{};
    const std::string_view now(digest.data(), digest.size());
    const bool is_stored = stored.empty() || stored.substr(reply.leaves.size(), now.size()) == now;
    if (!is_read || !is_stored) add_damage(reply, wanted.offset_bytes + done, size);
    reply.leaves += now;
  }
  return {};
}

}  // namespace

Result<VerifyReply> PosixStorage::verify(const protocol::Verify& wanted) {
  Found found;
  const auto file = open_file(*root_, wanted.path, found);
  if (!file) return tl::make_unexpected(file.error());
  VerifyReply reply;
  reply.attributes = found.attributes();
  if (wanted.version != 0 && reply.attributes.version != wanted.version)
    return fail(Code::condition_failed, wanted.path);
  const auto& stamp = found.stamp.stamp;
  if (!stamp) return reply;

  const std::uint64_t rest = stamp->size_bytes - std::min(wanted.offset_bytes, stamp->size_bytes);
  reply.length_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>({rest, wanted.length_bytes, limits::verify_bytes}));
  // The page cache may hold what the disk does not.
  ::posix_fadvise(file->get(), static_cast<off_t>(wanted.offset_bytes), reply.length_bytes,
                  POSIX_FADV_DONTNEED);
  const bool is_small = stamp->size_bytes <= limits::leaf_bytes;
  std::string stored;
  if (!is_small)
    stored = stored_leaves(*root_, stamp->version, wanted.offset_bytes, reply.length_bytes);
  reply.leaves_missing = !is_small && reply.length_bytes > 0 && stored.empty();
  if (auto read = read_leaves(file->get(), wanted, stored, reply); !read)
    return tl::make_unexpected(read.error());
  // The only leaf of a small file is not kept beside its root digest.
  if (is_small && reply.length_bytes > 0 && reply.damaged.empty() &&
      protocol::root_of(reply.leaves) != stamp->root)
    add_damage(reply, 0, reply.length_bytes);
  return reply;
}

}  // namespace sluice::storage
