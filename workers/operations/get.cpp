// get: a small file at once, of a larger one a snapshot that later reads name.
#include <algorithm>

#include "workers/cached_reader.hpp"
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

namespace {

std::size_t whole_bytes_of(const runtime::Message& request) {
  return std::min<std::size_t>(request.header.credit_bytes, protocol::limits::small_file_bytes);
}

}  // namespace

Result<Ending> get(const Job& job) {
  const auto request = request_of<protocol::Get>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_path(request->path); !ok) return tl::make_unexpected(ok.error());
  if (request->path.empty()) return protocol::fail(protocol::Code::is_directory, ".");
  auto opened = job.storage.open(request->path, whole_bytes_of(job.request), job.own_name());
  if (!opened) return tl::make_unexpected(opened.error());
  protocol::GetReply reply{opened->attributes, {}};
  if (opened->snapshot_made)
    reply.snapshot =
        storage::snapshot_suffix(job.request.header.request_id, job.request.header.attempt);
  return answer(reply, std::move(opened->bytes));
}

std::optional<Answer> get_cached(const runtime::Message& request, storage::SmallFiles& files,
                                 runtime::Time now) {
  const auto get = protocol::decode<protocol::Get>(request.body);
  if (!get || get->path.empty() || !protocol::check_path(get->path)) return std::nullopt;
  const std::size_t most_bytes = std::min(whole_bytes_of(request), CachedReader::most_bytes);
  auto opened = files.read(get->path, most_bytes, now);
  if (!opened) return std::nullopt;
  return answer(protocol::GetReply{opened->attributes, {}}, std::move(opened->bytes));
}

}  // namespace sluice::workers::operations
