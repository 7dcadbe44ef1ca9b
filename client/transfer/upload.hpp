// One file to the server: a small one as one message, a larger one as an upload of chunks, several
// of them under way at once. Whatever fails, nothing of it stays on the server. Runs on the thread
// of the call. Read on: docs/protocol.md, "Changing".
#pragma once

#include <optional>

#include "client/requester.hpp"
#include "client/transfer/input.hpp"

namespace sluice::client {

/// What a transfer has under way at once, unless the server's window is smaller.
inline constexpr std::size_t transfer_window_bytes = 8u << 20;

/// The part of the server's window that one transfer takes.
std::size_t transfer_window(const ServerLimits& limits);

struct UploadRequest {
  std::string path;
  protocol::Preserve preserve;
  protocol::Terms terms;
};

/// A small file (up to `ServerLimits::small_file_bytes`) as the one message that stores it.
runtime::Message put_message(const UploadRequest& request, protocol::Payload bytes);

/// The version of what was stored. Fails with what the server says, `local_io`, `cancelled`,
/// `timed_out`.
protocol::Result<std::uint64_t> upload(Requester& requester, const UploadRequest& request,
                                       Input& input, const Call& call,
                                       std::optional<std::chrono::milliseconds> patience = {});

}  // namespace sluice::client
