// SimStorage: bytes that change by themselves, and how they are found. See sim_storage.hpp.
#include <algorithm>

#include "protocol/digest.hpp"
#include "protocol/limits.hpp"
#include "tests/support/sim_storage.hpp"

namespace sluice::testing {

using protocol::Code;
using protocol::EntryKind;
using protocol::fail;
using protocol::Result;
namespace limits = protocol::limits;

namespace {

constexpr std::size_t digest_bytes = sizeof(protocol::Digest);

}  // namespace

void SimStorage::flip_byte(const std::string& path, std::size_t offset) {
  inodes_.at(find_existing(path)->id).data.at(offset) ^= 1;
}

Result<protocol::VerifyReply> SimStorage::verify(const protocol::Verify& wanted) {
  if (auto ok = check(DiskCall::open); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(wanted.path);
  if (!place) return tl::make_unexpected(place.error());
  const Inode& inode = inodes_.at(place->id);
  if (inode.kind == EntryKind::directory) return fail(Code::is_directory, wanted.path);
  if (inode.kind == EntryKind::other) return fail(Code::not_regular, wanted.path);
  protocol::VerifyReply reply;
  reply.attributes = attributes_of(place->id);
  if (wanted.version != 0 && reply.attributes.version != wanted.version)
    return fail(Code::condition_failed, wanted.path);
  if (reply.attributes.version == 0 || wanted.offset_bytes >= inode.data.size()) return reply;
  const std::string bytes = inode.data.substr(wanted.offset_bytes, wanted.length_bytes);
  reply.length_bytes = static_cast<std::uint32_t>(bytes.size());
  reply.leaves = protocol::leaves_of(bytes);
  for (std::size_t at = 0; at < reply.leaves.size(); at += digest_bytes) {
    const std::size_t stored = wanted.offset_bytes / limits::leaf_bytes * digest_bytes + at;
    const bool is_same =
        inode.leaves.empty()
            ? protocol::root_of(reply.leaves) == reply.attributes.root
            : inode.leaves.compare(stored, digest_bytes, reply.leaves, at, digest_bytes) == 0;
    const std::uint64_t offset = at / digest_bytes * limits::leaf_bytes;
    if (!is_same)
      reply.damaged.push_back({wanted.offset_bytes + offset,
                               std::min<std::uint64_t>(limits::leaf_bytes, bytes.size() - offset)});
  }
  return reply;
}

}  // namespace sluice::testing
