// put and put_many: small files, each whole in the message. They are not staged: the bytes go with
// the commit into the log, and the publisher writes them into the tree.
#include "protocol/digest.hpp"
#include "protocol/messages/batches.hpp"
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

using protocol::Code;

namespace {

struct SmallFile {
  std::string path;
  protocol::Digest root{};
  protocol::Payload bytes;
  protocol::Preserve preserve;
};

Result<Change> check(SmallFile&& file, const protocol::Terms& terms) {
  if (auto ok = protocol::check_entry_path(file.path); !ok) return tl::make_unexpected(ok.error());
  if (file.bytes.size() > protocol::limits::small_file_bytes)
    return protocol::fail(Code::too_large, file.path, "a put in one message takes up to 128 KiB");
  if (protocol::root_of(protocol::leaves_of(file.bytes.bytes())) != file.root)
    return protocol::fail(Code::digest_mismatch, file.path);
  Change change;
  change.commit.kind = protocol::ChangeKind::put;
  change.commit.size_bytes = file.bytes.size();
  change.commit.root = file.root;
  change.commit.small = true;
  change.commit.preserve = file.preserve;
  change.commit.terms = terms;
  change.commit.path = std::move(file.path);
  change.bytes = std::move(file.bytes);
  return change;
}

Result<void> check_batch(const protocol::PutMany& batch, std::size_t payload_bytes) {
  const auto bad = [&](const char* what) {
    return protocol::fail(Code::bad_message, batch.directory, what);
  };
  if (batch.files.size() > protocol::limits::batch_files)
    return bad("too many files for one message");
  if (batch.terms.wait_ms != 0 || batch.terms.if_version) return bad("not in a batch");
  for (const auto& file : batch.files) {
    if (file.size_bytes > payload_bytes) return bad("the payload is too short");
    payload_bytes -= file.size_bytes;
  }
  if (payload_bytes != 0) return bad("the payload is too long");
  return {};
}

}  // namespace

Result<Ending> put(const Job& job) {
  auto request = request_of<protocol::Put>(job);
  if (!request) return tl::make_unexpected(request.error());
  auto change =
      check({std::move(request->path), request->root, job.request.payload, request->preserve},
            request->terms);
  if (!change) return tl::make_unexpected(std::move(change.error()));
  return std::move(*change);
}

Result<std::vector<Result<Change>>> put_many(const Job& job) {
  const auto request = request_of<protocol::PutMany>(job);
  if (!request) return tl::make_unexpected(request.error());
  const protocol::Payload& all = job.request.payload;
  if (auto ok = check_batch(*request, all.size()); !ok) return tl::make_unexpected(ok.error());
  std::vector<Result<Change>> changes;
  changes.reserve(request->files.size());
  std::size_t offset = 0;
  for (std::size_t i = 0; i < request->files.size(); ++i) {
    const protocol::PutFile& file = request->files[i];
    changes.push_back(check({protocol::join(request->directory, file.name), file.root,
                             all.part(offset, file.size_bytes), file.preserve},
                            request->terms));
    offset += file.size_bytes;
  }
  return changes;
}

}  // namespace sluice::workers::operations
