// list: one page of a directory.
#include <algorithm>

#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> list(const Job& job) {
  auto request = request_of<protocol::List>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_path(request->path); !ok) return tl::make_unexpected(ok.error());
  constexpr auto most = static_cast<std::uint32_t>(protocol::limits::list_entries);
  request->max_entries = request->max_entries == 0 ? most : std::min(request->max_entries, most);
  auto page = job.storage.list(*request);
  if (!page) return tl::make_unexpected(page.error());
  return answer(*page);
}

}  // namespace sluice::workers::operations
