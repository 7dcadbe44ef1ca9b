// read: a piece of a snapshot, with the digests that were stored with it. A session reaches its own
// snapshots only: the stamp's session is put in front of the name it gives.
#include <algorithm>

#include "protocol/digest.hpp"
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> read(const Job& job) {
  const auto request = request_of<protocol::Read>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (!storage::is_snapshot_suffix(request->snapshot))
    return protocol::fail(protocol::Code::bad_message, {}, "not the name of a snapshot");
  if (request->offset_bytes % protocol::limits::leaf_bytes != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  constexpr std::size_t leaf = protocol::limits::leaf_bytes;
  const std::size_t most = std::min<std::size_t>(
      {request->length_bytes, job.request.header.credit_bytes, protocol::limits::chunk_bytes});
  if (most == 0) return protocol::fail(protocol::Code::bad_message, {}, "no bytes were asked for");
  // The end of a file need not be a whole leaf, so what was asked for may end within one.
  auto piece = job.storage.read_snapshot(storage::session_prefix(job.session()) + request->snapshot,
                                         request->offset_bytes, (most + leaf - 1) / leaf * leaf);
  if (!piece) return tl::make_unexpected(piece.error());
  if (piece->bytes.size() > most) {
    const std::size_t whole = most / leaf * leaf;
    if (whole == 0)
      return protocol::fail(protocol::Code::bad_message, {}, "less than one leaf was asked for");
    piece->bytes = piece->bytes.part(0, whole);
    piece->leaves.resize(whole / leaf * sizeof(protocol::Digest));
  }
  return answer(protocol::ReadReply{std::move(piece->leaves)}, std::move(piece->bytes));
}

}  // namespace sluice::workers::operations
