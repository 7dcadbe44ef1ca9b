// One file to the server: a small one as one message, a larger one as an upload of chunks, several
// of them under way at once. Whatever fails, nothing of it stays on the server, but what a later
// try can go on with. Runs on the thread of the call. Read on: docs/protocol.md, "Uploads".
#pragma once

#include <optional>

#include "client/requester.hpp"
#include "client/transfer/input.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

/// More than this is worth keeping for a later try, when a transfer fails for what is no fault of
/// it; and when it was stopped by who called it.
inline constexpr std::uint64_t keep_bytes = 8u << 20;
inline constexpr std::uint64_t keep_when_stopped_bytes = 256u << 20;

/// How often the server is told that a kept upload is gone on with while nothing of it is sent:
/// before it drops it, be its disk full.
inline constexpr std::chrono::milliseconds touch_every{protocol::limits::upload_keep_min_ms / 4};

/// Whether a transfer that ended like this, so far on, is to be gone on with.
bool is_worth_keeping(protocol::Code code, std::uint64_t done_bytes);

struct UploadRequest {
  std::string path;
  protocol::Preserve preserve;
  protocol::Terms terms;
  /// Says what is uploaded where to, so that a later try finds what this one has left. Empty:
  /// nothing of it is kept.
  std::string resume_key = {};
  /// Takes what is equal from the file that is at the path, and sends only the rest.
  bool delta = false;
  std::chrono::milliseconds touch_every = client::touch_every;
};

/// A small file (up to `ServerLimits::small_file_bytes`) as the one message that stores it.
runtime::Message put_message(const UploadRequest& request, protocol::Payload bytes);

/// The version of what was stored. Fails with what the server says, `local_io`, `cancelled`,
/// `timed_out`.
protocol::Result<std::uint64_t> upload(Requester& requester, const UploadRequest& request,
                                       Input& input, const Call& call,
                                       std::optional<std::chrono::milliseconds> patience = {});

}  // namespace sluice::client
