// write_chunk: some whole leaves of an upload, in any order, through any worker.
#include "protocol/digest.hpp"
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

namespace {

Result<Ending> write_zeros(const Job& job, const std::string& name,
                           const protocol::WriteChunk& request) {
  if (!job.request.payload.empty() || !request.leaves.empty())
    return protocol::fail(protocol::Code::bad_message, {}, "a chunk is bytes or zeros, not both");
  if (request.zero_bytes > protocol::limits::zero_bytes)
    return protocol::fail(protocol::Code::too_large, {}, "a chunk has up to 256 MiB of zeros");
  if (auto written = job.storage.write_zeros(name, request.offset_bytes, request.zero_bytes);
      !written)
    return tl::make_unexpected(written.error());
  return answer(protocol::WriteChunkReply{});
}

}  // namespace

Result<Ending> write_chunk(const Job& job) {
  const auto request = request_of<protocol::WriteChunk>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  const protocol::Payload& bytes = job.request.payload;
  if (request->offset_bytes % protocol::limits::leaf_bytes != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  if (request->zero_bytes > 0) return write_zeros(job, *name, *request);
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
