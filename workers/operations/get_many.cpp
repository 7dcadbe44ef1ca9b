// get_many: small files of one directory in one answer. What is too large for it is told so, and
// got by itself.
#include <algorithm>

#include "protocol/messages/batches.hpp"
#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

using protocol::Code;

namespace {

Result<std::optional<storage::Opened>> read_one(const Job& job, const std::string& path,
                                                std::size_t most_bytes) {
  if (auto ok = protocol::check_entry_path(path); !ok) return tl::make_unexpected(ok.error());
  return job.storage.read_small(path, most_bytes);
}

}  // namespace

Result<Ending> get_many(const Job& job) {
  const auto request = request_of<protocol::GetMany>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (request->names.size() > protocol::limits::batch_files)
    return protocol::fail(Code::bad_message, request->directory, "too many files for one message");
  std::size_t left_bytes =
      std::min<std::size_t>(job.request.header.credit_bytes, protocol::limits::chunk_bytes);
  protocol::GetManyReply reply;
  std::string bytes;
  bytes.reserve(left_bytes);
  for (const std::string& name : request->names) {
    protocol::GotFile& got = reply.got.emplace_back();
    auto opened = read_one(job, protocol::join(request->directory, name),
                           std::min(left_bytes, protocol::limits::small_file_bytes));
    if (!opened) {
      got.code = static_cast<std::uint16_t>(opened.error().code);
      got.detail = std::move(opened.error().detail);
    } else if (!*opened) {
      got.code = static_cast<std::uint16_t>(Code::too_large);
    } else {
      got.attributes = (*opened)->attributes;
      bytes += (*opened)->bytes.text();
      left_bytes -= (*opened)->bytes.size();
    }
  }
  return answer(reply, protocol::Payload::of(std::move(bytes)));
}

}  // namespace sluice::workers::operations
