// write_status: which leaves of an upload have arrived.
#include "protocol/limits.hpp"
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

Result<Ending> write_status(const Job& job) {
  const auto request = request_of<protocol::WriteStatus>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  if (request->offset_bytes % protocol::limits::leaf_bytes != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  constexpr std::size_t most_arrived = protocol::limits::body_bytes - 1024;
  const std::size_t count =
      request->with_leaves ? protocol::limits::leaves_in_answer : most_arrived;
  auto state = job.storage.upload_state(*name, request->offset_bytes, count);
  if (!state) return tl::make_unexpected(state.error());
  protocol::WriteStatusReply reply{state->size_bytes, {std::move(state->arrived)}, {}};
  if (request->with_leaves) reply.leaves = {std::move(state->leaves)};
  return answer(reply);
}

}  // namespace sluice::workers::operations
