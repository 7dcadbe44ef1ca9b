// See file_digest.hpp.
#include "client/transfer/file_digest.hpp"

#include <algorithm>
#include <memory>

#include "client/transfer/input.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Digest;
using protocol::Result;

Result<Digest> digest_of_file(const std::string& path, const Call& call) {
  LocalFile local;
  local.path = path;
  const auto source = input_from(local, call);
  if (!source) return tl::make_unexpected(source.error());
  Input& input = *source->input;
  const auto buffer = std::make_unique<char[]>(protocol::limits::chunk_bytes);
  std::string leaves;
  for (std::uint64_t done = 0; done < input.size_bytes();) {
    if (call.stop.stop_requested()) return protocol::fail(protocol::Code::cancelled, path);
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(protocol::limits::chunk_bytes, input.size_bytes() - done));
    if (auto read = input.read(done, buffer.get(), size); !read)
      return tl::make_unexpected(read.error());
    leaves += protocol::leaves_of({buffer.get(), size});
    done += size;
    if (call.progress) call.progress(done, input.size_bytes());
  }
  if (auto unchanged = input.check_unchanged(); !unchanged)
    return tl::make_unexpected(unchanged.error());
  return protocol::root_of(leaves);
}

}  // namespace sluice::client
