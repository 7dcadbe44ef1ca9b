// sweep: the broker's own job; what ended sessions left behind is dropped, and kept uploads that
// nobody went on with. The broker takes the
// stamp's session 0 for itself, so no client can ask for this.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> sweep(const Job& job) {
  const auto request = request_of<protocol::Sweep>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto swept = job.storage.sweep(request->sessions, request->all_but); !swept)
    return tl::make_unexpected(swept.error());
  constexpr std::chrono::milliseconds age(protocol::limits::upload_keep_ms);
  if (auto swept = job.storage.sweep_kept(age); !swept) return tl::make_unexpected(swept.error());
  return answer(protocol::SweepReply{});
}

}  // namespace sluice::workers::operations
