// verify: a piece of a file, read from the disk and compared with what was stored. However large
// the file is, each request is short; which version it is about is said by the client.
#include <algorithm>

#include "workers/operations/operations.hpp"

namespace sluice::workers::operations {

Result<Ending> verify(const Job& job) {
  auto request = request_of<protocol::Verify>(job);
  if (!request) return tl::make_unexpected(request.error());
  if (auto ok = protocol::check_path(request->path); !ok) return tl::make_unexpected(ok.error());
  if (request->path.empty()) return protocol::fail(protocol::Code::is_directory, ".");
  constexpr std::uint32_t leaf = protocol::limits::leaf_bytes;
  if (request->offset_bytes % leaf != 0)
    return protocol::fail(protocol::Code::bad_message, {}, "the offset is not at a leaf");
  request->length_bytes =
      std::min<std::uint32_t>(request->length_bytes, protocol::limits::verify_bytes) / leaf * leaf;
  if (request->length_bytes == 0)
    return protocol::fail(protocol::Code::bad_message, {}, "less than one leaf was asked for");
  auto found = job.storage.verify(*request);
  if (!found) return tl::make_unexpected(found.error());
  return answer(*found);
}

}  // namespace sluice::workers::operations
