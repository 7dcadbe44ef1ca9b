// Where an upload's bytes come from: memory, a callback, a local file, or a stream that was read to
// its end first. All failures are `local_io`, but of a file that changes
// meanwhile (`source_changed`), and of what is neither file nor pipe (`not_regular`). Used by the
// thread of the call. Read on: client/transfer/upload.hpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocol/errors.hpp"
#include "protocol/messages/changes.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

/// From `begin` up to `end`.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class Input {
 public:
  virtual ~Input() = default;
  virtual std::uint64_t size_bytes() const = 0;
  /// Fills the buffer with exactly the `size` bytes at `offset`.
  virtual protocol::Result<void> read(std::uint64_t offset, char* buffer, std::size_t size) = 0;
  /// The next whole leaves, from the leaf at `offset` on, that are known to be zeros without being
  /// read: a hole. Both ends are the input's size if there are none.
  virtual Range next_hole(std::uint64_t) { return {size_bytes(), size_bytes()}; }
  /// After the last byte: fails if the source is not what it was at the beginning.
  virtual protocol::Result<void> check_unchanged() { return {}; }
};

std::unique_ptr<Input> input_from(std::string_view bytes);
/// `source` must outlive the input.
std::unique_ptr<Input> input_from(const Source& source);
/// Reads the stream to its end: short ones into memory, long ones into an unnamed temporary file.
protocol::Result<std::unique_ptr<Input>> input_from(const Stream& stream, const Call& call);

struct LocalInput {
  std::unique_ptr<Input> input;
  /// What is to be kept of the file, as `local` asks for.
  protocol::Preserve preserve;
  /// Machine and real path of a regular file; empty for all else.
  std::string origin = {};
};
/// Opens a file. What has no size beforehand (pipes, files of /proc) is read to its end like a
/// stream. Devices but /dev/null, and sockets, are `not_regular`.
protocol::Result<LocalInput> input_from(const LocalFile& local, const Call& call);

}  // namespace sluice::client
