// remove: a file or directory; the publisher moves it away, a worker unlinks it later.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> remove(const Job& job) {
  auto request = request_of<protocol::Remove>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  Change change;
  change.commit.kind = protocol::ChangeKind::remove;
  change.commit.path = std::move(request->path);
  change.commit.recursive = request->recursive;
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
