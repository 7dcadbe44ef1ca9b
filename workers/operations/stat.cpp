// stat: what is known of one path.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> stat(const Job& job) {
  const auto request = request_of<protocol::Stat>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_path(request->path); !ok) return tl::make_unexpected(ok.error());
  auto entry = job.storage.stat(request->path);
  if (!entry) return tl::make_unexpected(entry.error());
  return answer(protocol::StatReply{entry->attributes});
}

}  // namespace sluice::workers::operations
