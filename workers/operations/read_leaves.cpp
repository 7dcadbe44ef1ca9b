// read_leaves: the digests of a snapshot's leaves, for who has some of the bytes already.
#include <algorithm>

#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> read_leaves(const Job& job) {
  const auto request = request_of<protocol::ReadLeaves>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (!storage::is_snapshot_suffix(request->snapshot))
    return protocol::fail(protocol::Code::bad_message, {}, "not the name of a snapshot");
  if (request->offset_bytes % protocol::limits::leaf_bytes != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  if (request->count == 0)
    return protocol::fail(protocol::Code::bad_message, {}, "no leaves were asked for");
  auto leaves = job.storage.snapshot_leaves(
      storage::session_prefix(job.session()) + request->snapshot, request->offset_bytes,
      std::min<std::size_t>(request->count, protocol::limits::leaves_in_answer));
  if (!leaves) return tl::make_unexpected(leaves.error());
  return answer(protocol::ReadLeavesReply{{std::move(*leaves)}});
}

}  // namespace sluice::workers::operations
