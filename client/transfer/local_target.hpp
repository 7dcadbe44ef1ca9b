// The local file that a download goes into: written without a name, or under a temporary one beside
// the target where the filesystem cannot do that, and given its own when it is whole; under one
// that a later try finds (local_part.hpp), where the download can be gone on with. Devices and
// pipes are written as they are. All failures are `local_io`, `cancelled`, `exists`, `is_directory`
// or `not_directory`. Used by the thread of the call.
#pragma once

#include <optional>
#include <stop_token>

#include "client/transfer/local_part.hpp"
#include "sluice/types.hpp"

namespace sluice::client {

class LocalTarget {
 public:
  /// A pipe that nobody reads is waited for until `stop` is requested (`cancelled`).
  /// `part` says what is to come, if it can be gone on with.
  static protocol::Result<LocalTarget> open(const LocalFile& local,
                                            const std::stop_token& stop = {},
                                            const std::optional<PartOf>& part = {});
  LocalTarget(LocalTarget&&) noexcept;
  LocalTarget& operator=(LocalTarget&&) = delete;
  /// Removes what was not finished, unless it is to be kept.
  ~LocalTarget();

  /// Some of the bytes may be here already: from an earlier try, or, with LocalFile::delta, in the
  /// file that is replaced.
  bool has_some() const { return part_has_some_ || replaced_.is_open(); }
  /// What an earlier try has left of this version, right or not.
  std::uint64_t found_bytes() const { return found_bytes_; }
  /// An earlier try got this other version, and is gone.
  std::optional<std::uint64_t> former_version() const { return former_version_; }
  /// Whether the `size` bytes at `offset` have these leaves, now that it has looked for them.
  protocol::Result<bool> holds(std::uint64_t offset, std::size_t size, std::string_view leaves);
  /// At the end of what was written so.
  protocol::Result<void> write(std::string_view bytes);
  /// The same at an offset, where the target can be written so; otherwise at the end. Leaves of
  /// nothing but zeros become holes, unless something may be there already. Nothing is written
  /// twice.
  protocol::Result<void> write_at(std::uint64_t offset, std::string_view bytes);
  /// What is here stays for a later try, if there can be one.
  void keep_part();
  /// Sets what is to be kept and gives the file its name.
  protocol::Result<void> finish(const Attributes& attributes);

 private:
  explicit LocalTarget(LocalFile local) : local_(std::move(local)) {}
  protocol::Result<void> open_temporary();
  bool take_part(const PartOf& what);
  protocol::Result<void> leave_hole(std::uint64_t offset, std::size_t size);
  protocol::Result<void> write_through(std::uint64_t offset, std::string_view bytes);
  protocol::Result<void> open_as_it_is(const std::stop_token& stop);
  bool take_name();

  LocalFile local_;
  FileHandle file_;
  /// Empty when the target itself is written.
  std::string temporary_;
  /// It has no name yet, and gets that one only for the moment before its own.
  bool is_unnamed_ = false;
  /// A later try would find it.
  bool is_part_ = false;
  bool part_has_some_ = false;
  std::uint64_t found_bytes_ = 0;
  std::optional<std::uint64_t> former_version_;
  FileHandle replaced_;
};

}  // namespace sluice::client
