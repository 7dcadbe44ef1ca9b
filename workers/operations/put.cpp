// put: a small file in one message. It is staged without a sync; its bytes go into the log with the
// commit.
#include "protocol/digest.hpp"
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> put(const Job& job) {
  auto request = request_of<protocol::Put>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_entry_path(request->path); !ok)
    return tl::make_unexpected(ok.error());
  const protocol::Payload& bytes = job.request.payload;
  if (bytes.size() > protocol::limits::small_file_bytes)
    return protocol::fail(protocol::Code::too_large, request->path,
                          "a put in one message takes up to 128 KiB");
  if (protocol::root_of(protocol::leaves_of(bytes.bytes())) != request->root)
    return protocol::fail(protocol::Code::digest_mismatch, request->path);
  Change change;
  change.commit.kind = protocol::ChangeKind::put;
  change.commit.staged = job.own_name();
  change.commit.size_bytes = bytes.size();
  change.commit.root = request->root;
  change.commit.small = true;
  change.commit.preserve = request->preserve;
  change.commit.terms = std::move(request->terms);
  if (auto staged = job.storage.stage_small(change.commit.staged, bytes.bytes(), request->preserve);
      !staged)
    return tl::make_unexpected(staged.error());
  change.commit.path = std::move(request->path);
  change.bytes = bytes;
  return change;
}

}  // namespace sluice::workers::operations
