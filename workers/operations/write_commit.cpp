// write_commit: the upload is whole, checked and, unless it is relaxed, synced; what is left is to
// give it its name.
#include "workers/operations/operations.hpp"
#include "workers/operations/upload_id.hpp"

namespace sluice::workers::operations {

namespace {

// A put that replaces something is done in full. The publisher finds out if that changes meanwhile.
bool may_stay_unsynced(const Job& job, const protocol::WriteCommit& request) {
  if (!is_relaxed(request.terms.durability, job.relaxed_server)) return false;
  const auto there = job.storage.stat(request.path);
  return !there && there.error().code == protocol::Code::not_found;
}

}  // namespace

Result<Ending> write_commit(const Job& job) {
  auto request = request_of<protocol::WriteCommit>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  const auto name = staging_name(job, request->upload, request->kept);
  if (!name) return tl::make_unexpected(name.error());
  const bool unsynced = may_stay_unsynced(job, *request);
  // Replay may have to set it.
  if (unsynced && !request->preserve.mode) request->preserve.mode = 0644;
  if (auto finished = job.storage.finish_upload(*name, {request->size_bytes, request->root},
                                                request->preserve, unsynced);
      !finished)
    return protocol::fail(finished.error().code, request->path, finished.error().detail);
  Change change;
  change.commit.kind = protocol::ChangeKind::put;
  change.commit.path = std::move(request->path);
  change.commit.staged = *name;
  change.commit.size_bytes = request->size_bytes;
  change.commit.root = request->root;
  change.commit.unsynced = unsynced;
  change.commit.preserve = request->preserve;
  change.commit.terms = std::move(request->terms);
  return change;
}

}  // namespace sluice::workers::operations
