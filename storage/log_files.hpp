// The commit log's segments as files of .sluice/log, named by generation. Used by one thread at a
// time, the publisher's. Two old segments are kept as spares and written over, as a sync is cheaper
// where blocks are written again than where a file grows; so behind its last record a segment has
// bytes of an older generation.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/root.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

class PosixLogFiles final : public LogFiles {
 public:
  explicit PosixLogFiles(std::shared_ptr<const Root> root) : root_(std::move(root)) {}

  Result<std::vector<std::uint64_t>> segments() override;
  Result<std::string> read(std::uint64_t generation) override;
  /// Fails with `exists` if there is such a generation.
  Result<void> start(std::uint64_t generation) override;
  Result<void> reserve(std::uint64_t bytes) override;
  Result<void> append(std::string_view bytes) override;
  Result<void> sync() override;
  Result<void> drop_before(std::uint64_t generation) override;
  std::uint64_t share_bytes() const override { return share_bytes_; }
  void make_room() override;

 private:
  bool take_spare(const std::string& name);
  bool become_spare(const std::string& name);
  /// Sees to it that there is one, if there is room.
  void keep_spare();
  Result<void> take_back(std::size_t written, tl::unexpected<protocol::Error> why);

  std::shared_ptr<const Root> root_;
  Descriptor segment_;
  std::uint64_t end_ = 0;
  /// The segment has blocks up to here.
  std::uint64_t room_end_ = 0;
  std::uint64_t share_bytes_ = UINT64_MAX;
  /// The segment's name and size are durable.
  bool settled_ = false;
  /// Nothing more may be written: what is on the disk is not known.
  bool failed_ = false;
};

}  // namespace sluice::storage
