// See local_download.hpp.
#include "client/transfer/local_download.hpp"

#include <algorithm>

#include "client/transfer/upload.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Result;

// The server is asked before anything is made here: most failures are about the path there.
Result<void> LocalDownload::begin(const protocol::Attributes& attributes) {
  std::optional<PartOf> part;
  if (attributes.root && attributes.size_bytes > protocol::limits::chunk_bytes)
    part = {remote_path_, attributes.version, attributes.size_bytes, *attributes.root};
  auto opened = LocalTarget::open(local_, call_.stop, part);
  if (!opened) return tl::make_unexpected(opened.error());
  target_.emplace(std::move(*opened));
  if (const auto former = target_->former_version(); former && call_.notice)
    call_.notice(remote_path_, "version " + std::to_string(*former) +
                                   " is gone: started anew with version " +
                                   std::to_string(attributes.version));
  return {};
}

Result<bool> LocalDownload::holds(std::uint64_t offset, std::size_t size, std::string_view leaves) {
  const auto holds = target_->holds(offset, size, leaves);
  if (holds && *holds) here_bytes_ += size;
  return holds;
}

Result<void> LocalDownload::write(std::uint64_t offset, std::string_view bytes) {
  auto written = target_->write_at(offset, bytes);
  if (written) here_bytes_ += bytes.size();
  return written;
}

// A try may end before it has looked at what earlier ones have left.
void LocalDownload::keep_after(const protocol::Error& error) {
  if (target_ && is_worth_keeping(error.code, std::max(here_bytes_, target_->found_bytes())))
    target_->keep_part();
  if (!target_ && error.code == protocol::Code::not_found)
    remove_part_of(local_.path, remote_path_);
}

}  // namespace sluice::client
