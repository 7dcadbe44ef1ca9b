// write_reuse: leaves of a snapshot into an upload. What is read is looked at, not what is stored
// about it: a damaged file is not spread.
#include "protocol/digest.hpp"
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

namespace {

constexpr std::size_t leaf = protocol::limits::leaf_bytes;
constexpr std::size_t digest = sizeof(protocol::Digest);

}  // namespace

Result<Ending> write_reuse(const Job& job) {
  const auto request = request_of<protocol::WriteReuse>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  if (!storage::is_snapshot_suffix(request->snapshot))
    return protocol::fail(protocol::Code::bad_message, {}, "not the name of a snapshot");
  const std::string_view wanted = request->leaves;
  if (request->offset_bytes % leaf != 0 || wanted.empty() || wanted.size() % digest != 0 ||
      wanted.size() / digest > protocol::limits::chunk_bytes / leaf)
    return protocol::fail(protocol::Code::bad_message, {}, "not the leaves of a chunk");
  const auto piece =
      job.storage.read_snapshot(storage::session_prefix(job.session()) + request->snapshot,
                                request->offset_bytes, wanted.size() / digest * leaf);
  if (!piece) return tl::make_unexpected(piece.error());
  const std::string found = protocol::leaves_of(piece->bytes.bytes());
  protocol::WriteReuseReply reply{{std::string(wanted.size() / digest, '\0')}};
  for (std::size_t i = 0; i < found.size() / digest; ++i) {
    const auto one = wanted.substr(i * digest, digest);
    if (std::string_view(found).substr(i * digest, digest) != one) continue;
    const auto bytes =
        piece->bytes.bytes().subspan(i * leaf, std::min(leaf, piece->bytes.size() - i * leaf));
    if (auto written =
            job.storage.write_upload(*name, request->offset_bytes + i * leaf, bytes, one);
        !written)
      return tl::make_unexpected(written.error());
    reply.taken[i] = '\1';
  }
  return answer(reply);
}

}  // namespace sluice::workers::operations
