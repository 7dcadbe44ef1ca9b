// get: a small file at once, of a larger one a snapshot that later reads name.
#include <algorithm>

#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> get(const Job& job) {
  const auto request = request_of<protocol::Get>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_path(request->path); !ok) return tl::make_unexpected(ok.error());
  if (request->path.empty()) return protocol::fail(protocol::Code::is_directory, ".");
  const std::size_t whole_bytes =
      std::min<std::size_t>(job.request.header.credit_bytes, protocol::limits::small_file_bytes);
  auto opened = job.storage.open(request->path, whole_bytes, job.own_name());
  if (!opened) return tl::make_unexpected(opened.error());
  protocol::GetReply reply{opened->attributes, {}};
  if (opened->snapshot_made)
    reply.snapshot =
        storage::snapshot_suffix(job.request.header.request_id, job.request.header.attempt);
  return answer(reply, std::move(opened->bytes));
}

}  // namespace sluice::workers::operations
