// copy: a file's bytes under another path, without leaving the server. To the publisher it is an
// upload.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> copy(const Job& job) {
  auto request = request_of<protocol::Copy>(job);
  if (!request) return tl::make_unexpected(request.error());
  for (const std::string* path : {&request->path, &request->to_path})
    if (auto ok = protocol::check_entry_path(*path); !ok) return tl::make_unexpected(ok.error());
  auto staged = job.storage.stage_copy(request->path, job.own_name());
  if (!staged) return tl::make_unexpected(staged.error());
  Change change;
  change.commit.kind = protocol::ChangeKind::put;
  change.commit.path = std::move(request->to_path);
  change.commit.staged = job.own_name();
  change.commit.size_bytes = staged->size_bytes;
  change.commit.root = staged->root;
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
