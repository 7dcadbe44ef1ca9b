// From the upload id that a client chose to the name in staging: a session reaches its own uploads
// and kept ones, whose ids are secrets.
#pragma once

#include "workers/operations/operation.hpp"

namespace sluice::workers::operations {

inline constexpr std::size_t upload_id_bytes = 16;

/// Fails with `bad_message` unless the id has 16 bytes.
inline Result<std::string> staging_name(const Job& job, std::string_view upload, bool kept) {
  if (upload.size() != upload_id_bytes)
    return protocol::fail(protocol::Code::bad_message, {}, "an upload id has 16 bytes");
  return storage::upload_name(kept ? storage::kept_session : job.session(), upload);
}

}  // namespace sluice::workers::operations
