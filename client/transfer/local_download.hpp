// A download into a local file: opens it once it is known what is coming, goes on with what an
// earlier try has left, and decides what is left for a later one. Used by the thread of the call.
// Read on: client/transfer/local_target.hpp.
#pragma once

#include "client/transfer/download.hpp"
#include "client/transfer/local_target.hpp"

namespace sluice::client {

class LocalDownload final : public Holdings {
 public:
  /// All must outlive it.
  LocalDownload(const LocalFile& local, const std::string& remote_path, const Call& call)
      : local_(local), remote_path_(remote_path), call_(call) {}

  protocol::Result<void> begin(const protocol::Attributes& attributes) override;
  bool has_some() const override { return target_->has_some(); }
  protocol::Result<bool> holds(std::uint64_t offset, std::size_t size,
                               std::string_view leaves) override;
  protocol::Result<void> write(std::uint64_t offset, std::string_view bytes);
  /// All has come.
  protocol::Result<void> finish(const Attributes& attributes) {
    return target_->finish(attributes);
  }
  /// It has failed like this.
  void keep_after(const protocol::Error& error);

 private:
  const LocalFile& local_;
  const std::string& remote_path_;
  const Call& call_;
  std::optional<LocalTarget> target_;
  /// Got, or found to be right, by this try.
  std::uint64_t here_bytes_ = 0;
};

}  // namespace sluice::client
