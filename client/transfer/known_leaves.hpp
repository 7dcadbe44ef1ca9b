// The digests that the server has of a file's leaves, page by page: of what has arrived of an
// upload, of a version that is there. 16 bytes a leaf, so 128 KiB for each GiB. The thread of the
// call. Read on: docs/protocol.md, "Uploads" and "Reading".
#pragma once

#include <string>

#include "client/pipeline.hpp"
#include "protocol/messages/changes.hpp"

namespace sluice::client {

/// Of a kept upload; zeros where a leaf is missing. Fails with `unknown_upload`, and with
/// `upload_conflict` if it was begun with another size.
protocol::Result<std::string> leaves_of_upload(Pipeline& pipeline, const protocol::Binary& id,
                                               std::uint64_t size_bytes);

/// Of a snapshot. Fewer than there are if the server tells no more.
protocol::Result<std::string> leaves_of_snapshot(Pipeline& pipeline, const std::string& snapshot,
                                                 std::uint64_t size_bytes);

/// Those of the `size` bytes at `offset`; as many of them as are known.
std::string_view leaves_at(std::string_view known, std::uint64_t offset, std::size_t size);

/// Whether one of the leaves has arrived with another digest than it has now.
bool conflict(std::string_view arrived, std::string_view leaves);
bool share_a_leaf(std::string_view one, std::string_view other);

}  // namespace sluice::client
