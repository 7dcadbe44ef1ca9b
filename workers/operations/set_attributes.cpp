// set_attributes: mode and time of what is there.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> set_attributes(const Job& job) {
  auto request = request_of<protocol::SetAttributes>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  Change change;
  change.commit.kind = protocol::ChangeKind::set_attributes;
  change.commit.path = std::move(request->path);
  change.commit.preserve = request->preserve;
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
