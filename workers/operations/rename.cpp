// rename: a file or directory gets another path.
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> rename(const Job& job) {
  auto request = request_of<protocol::Rename>(job);
  if (!request) return tl::make_unexpected(request.error());
  for (const std::string* path : {&request->path, &request->to_path})
    if (auto ok = protocol::check_entry_path(*path); !ok) return tl::make_unexpected(ok.error());
  if (request->path != request->to_path && protocol::is_within(request->to_path, request->path))
    return protocol::fail(protocol::Code::bad_path, request->to_path,
                          "nothing can be moved into itself");
  const auto entry = job.storage.stat(request->path);
  Change change;
  change.commit.recursive = entry && entry->attributes.kind == protocol::EntryKind::directory;
  change.commit.kind = protocol::ChangeKind::rename;
  change.commit.path = std::move(request->path);
  change.commit.to_path = std::move(request->to_path);
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
