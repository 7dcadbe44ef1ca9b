// write_abort: drops an upload.
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

Result<Ending> write_abort(const Job& job) {
  const auto request = request_of<protocol::WriteAbort>(job);
  if (!request) return tl::make_unexpected(request.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  if (auto dropped = job.storage.drop_staged(*name); !dropped)
    return tl::make_unexpected(dropped.error());
  return answer(protocol::WriteAbortReply{});
}

}  // namespace sluice::workers::operations
