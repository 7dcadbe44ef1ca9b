// make_directory: with `parents`, the missing ones above are found here so that the lock actor can
// tell which paths the change touches.
#include <algorithm>

#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {
namespace {

Result<std::vector<std::string>> missing_parents(const Job& job, std::string_view path) {
  std::vector<std::string> missing;
  for (path = protocol::parent_of(path); !path.empty(); path = protocol::parent_of(path)) {
    const auto entry = job.storage.stat(std::string(path));
    if (entry) break;
    if (entry.error().code != protocol::Code::not_found) return tl::make_unexpected(entry.error());
    missing.emplace_back(path);
  }
  std::reverse(missing.begin(), missing.end());
  return missing;
}

}  // namespace

Result<Ending> make_directory(const Job& job) {
  auto request = request_of<protocol::MakeDirectory>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  Change change;
  change.commit.kind = protocol::ChangeKind::make_directory;
  if (request->parents) {
    auto missing = missing_parents(job, request->path);
    if (!missing) return tl::make_unexpected(missing.error());
    change.commit.missing_parents = std::move(*missing);
    change.commit.parents = true;
  }
  change.commit.path = std::move(request->path);
  change.commit.preserve = request->preserve;
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
