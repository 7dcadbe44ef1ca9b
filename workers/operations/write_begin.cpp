// write_begin: room in staging for an upload.
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

Result<Ending> write_begin(const Job& job) {
  const auto request = request_of<protocol::WriteBegin>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  if (request->size_bytes > protocol::limits::file_bytes)
    return protocol::fail(protocol::Code::too_large, request->path, "a file has up to 16 TiB");
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  if (auto begun = job.storage.begin_upload(*name, request->size_bytes, request->zero_bytes);
      !begun)
    return protocol::fail(begun.error().code, request->path, begun.error().detail);
  return answer(protocol::WriteBeginReply{});
}

}  // namespace sluice::workers::operations
