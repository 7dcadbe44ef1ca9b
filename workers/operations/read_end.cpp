// read_end: drops a snapshot.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> read_end(const Job& job) {
  const auto request = request_of<protocol::ReadEnd>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (!storage::is_snapshot_suffix(request->snapshot))
    return protocol::fail(protocol::Code::bad_message, {}, "not the name of a snapshot");
  auto dropped =
      job.storage.drop_snapshot(storage::session_prefix(job.session()) + request->snapshot);
  if (!dropped) return tl::make_unexpected(dropped.error());
  return answer(protocol::ReadEndReply{});
}

}  // namespace sluice::workers::operations
