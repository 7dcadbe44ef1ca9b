// One version of a file from the server: a small one as one message, a larger one as chunks of a
// snapshot, several of them under way at once, handed on in the order of the file. Runs on the
// thread of the call. Read on: docs/protocol.md, "Reading".
#pragma once

#include <functional>
#include <optional>

#include "client/single_request.hpp"
#include "protocol/messages/files.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

/// Bytes that do not have the digests they came with were damaged on the way, or on the disk: asked
/// for again, or sent again, so often in all, they tell which.
inline constexpr int damaged_attempts = 3;

/// Takes the bytes in order. A failure ends the download with it.
using Output = std::function<protocol::Result<void>(std::uint64_t offset, std::string_view bytes)>;

/// What is here of a file before it is downloaded. All failures end the download with them.
class Holdings {
 public:
  virtual ~Holdings() = default;
  /// Told first: what is to come, or goes on.
  virtual protocol::Result<void> begin(const protocol::Attributes& attributes) = 0;
  /// Whether it is worth asking for the digests of all leaves.
  virtual bool has_some() const = 0;
  /// Whether the bytes at `offset` that have these leaves are where they are to be: then `Output`
  /// does not get them.
  virtual protocol::Result<bool> holds(std::uint64_t offset, std::size_t size,
                                       std::string_view leaves) = 0;
};

/// A file as the server has opened it.
struct Opened {
  runtime::Message answer;
  ServerLimits limits;
  /// Its bytes are in the answer: to finish the download asks nobody any more.
  bool is_whole = false;
};

/// The first half of a download.
Start<Opened> open_download(Requester& requester, const std::string& path,
                            const std::stop_token& stop,
                            std::optional<std::chrono::milliseconds> patience);
/// The second half; fails as `download`.
protocol::Result<protocol::Attributes> finish_download(
    Requester& requester, const std::string& path, Opened&& opened, const Output& output,
    const Call& call, std::optional<std::chrono::milliseconds> patience,
    Holdings* holdings = nullptr);

/// Both. What the file was. Fails with what the server says, `damaged`, `cancelled`, `timed_out`.
/// What has been handed to `output` until then is to be thrown away, but where `holdings` finds it.
protocol::Result<protocol::Attributes> download(
    Requester& requester, const std::string& path, const Output& output, const Call& call,
    std::optional<std::chrono::milliseconds> patience = {}, Holdings* holdings = nullptr);

}  // namespace sluice::client
