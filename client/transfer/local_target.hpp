// The local file that a download goes into: written under a temporary name beside the target, which
// gets its own name when it is whole. Devices and pipes are written as they are. All failures are
// `local_io`, `cancelled`, `exists`, `is_directory` or `not_directory`. Used by the thread of the
// call.
#pragma once

#include <stop_token>

#include "client/transfer/file_handle.hpp"
#include "protocol/messages/files.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

class LocalTarget {
 public:
  /// A pipe that nobody reads is waited for until `stop` is requested (`cancelled`).
  static protocol::Result<LocalTarget> open(const LocalFile& local,
                                            const std::stop_token& stop = {});
  LocalTarget(LocalTarget&&) noexcept;
  LocalTarget& operator=(LocalTarget&&) = delete;
  /// Removes what was not finished.
  ~LocalTarget();

  protocol::Result<void> write(std::string_view bytes);
  /// Sets what is to be kept and gives the file its name.
  protocol::Result<void> finish(const Attributes& attributes);

 private:
  explicit LocalTarget(LocalFile local) : local_(std::move(local)) {}
  protocol::Result<void> open_temporary();
  protocol::Result<void> open_as_it_is(const std::stop_token& stop);

  LocalFile local_;
  FileHandle file_;
  /// Empty when the target itself is written.
  std::string temporary_;
};

}  // namespace sluice::client
