// write_status: which leaves of an upload have arrived.
#include "protocol/limits.hpp"
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

Result<Ending> write_status(const Job& job) {
  const auto request = request_of<protocol::WriteStatus>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload);
  if (!name) return tl::make_unexpected(name.error());
  auto state = job.storage.upload_state(*name);
  if (!state) return tl::make_unexpected(state.error());
  if (state->arrived.size() > protocol::limits::body_bytes - 1024)
    return protocol::fail(protocol::Code::too_large, {},
                          "too many leaves to tell which have arrived: begin the upload anew");
  return answer(protocol::WriteStatusReply{state->size_bytes, std::move(state->arrived)});
}

}  // namespace sluice::workers::operations
