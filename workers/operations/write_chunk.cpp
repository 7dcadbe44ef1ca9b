// write_chunk: some whole leaves of an upload, in any order, through any worker.
#include "protocol/digest.hpp"
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

Result<Ending> write_chunk(const Job& job) {
  const auto request = request_of<protocol::WriteChunk>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  const protocol::Payload& bytes = job.request.payload;
  if (request->offset_bytes % protocol::limits::leaf_bytes != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  if (bytes.size() > protocol::limits::chunk_bytes)
    return protocol::fail(protocol::Code::too_large, {}, "a chunk has up to 1 MiB");
  if (protocol::leaves_of(bytes.bytes()) != request->leaves)
    return protocol::fail(protocol::Code::digest_mismatch);
  if (auto written =
          job.storage.write_upload(*name, request->offset_bytes, bytes.bytes(), request->leaves,
                                   is_relaxed(request->durability, job.relaxed_server));
      !written)
    return tl::make_unexpected(written.error());
  return answer(protocol::WriteChunkReply{});
}

}  // namespace sluice::workers::operations
