// The real disk: `Storage` on the files of a root. Keeps nothing in memory but the open root and
// what the publisher may write over, so every call may come from any thread, and other processes
// may have the same root open; the publishing group is the publisher's alone. The members are
// defined by what they are for: posix_tree.cpp, posix_reading.cpp, posix_verify.cpp,
// posix_staging.cpp, posix_uploads.cpp, posix_publish.cpp, posix_relaxed.cpp,
// posix_replay.cpp, posix_changes.cpp, posix_cleaning.cpp.
#pragma once

#include <memory>

#include "storage/journal_files.hpp"
#include "storage/prepared_files.hpp"
#include "storage/root.hpp"
#include "storage/spare_files.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

struct Place;

class PosixStorage : public Storage {
 public:
  /// `spares_rest`: storage/spare_files.hpp.
  explicit PosixStorage(std::shared_ptr<const Root> root,
                        std::chrono::milliseconds spares_rest = std::chrono::seconds(2))
      : root_(std::move(root)), spares_(root_, spares_rest), prepared_(root_) {}

  /// The log files of the same root, kept open by them too. For the publisher; one at a time.
  std::unique_ptr<LogFiles> log_files() const;
  /// The same for the lock journal's files. For a server; one at a time.
  Result<std::unique_ptr<JournalFiles>> journal_files() const;

  /// Takes over the spare files of the server before. For a server.
  Result<void> adopt_spares();

  /// Small files of the same root, for one thread.
  std::unique_ptr<SmallFiles> small_files() const;

  std::string identity() const override { return root_->identity; }

  Result<Entry> stat(const std::string& path) override;
  Result<protocol::ListReply> list(const protocol::List& wanted) override;
  Result<Opened> open(const std::string& path, std::size_t whole_bytes,
                      const std::string& snapshot) override;
  Result<std::optional<Opened>> read_small(const std::string& path,
                                           std::size_t most_bytes) override;
  Result<Piece> read_snapshot(const std::string& snapshot, std::uint64_t offset,
                              std::size_t length) override;
  Result<std::string> snapshot_leaves(const std::string& snapshot, std::uint64_t offset,
                                      std::size_t count) override;
  Result<void> drop_snapshot(const std::string& snapshot) override;
  Result<protocol::VerifyReply> verify(const protocol::Verify& wanted) override;

  Result<void> begin_upload(const std::string& name, std::uint64_t size_bytes,
                            std::uint64_t zero_bytes = 0) override;
  Result<void> write_upload(const std::string& name, std::uint64_t offset,
                            std::span<const char> bytes, std::string_view leaves,
                            bool relaxed = false) override;
  Result<void> write_zeros(const std::string& name, std::uint64_t offset,
                           std::uint64_t length) override;
  Result<UploadState> upload_state(const std::string& name, std::uint64_t offset = 0,
                                   std::size_t count = SIZE_MAX) override;
  Result<void> finish_upload(const std::string& name, const Staged& expected,
                             const Preserve& preserve, bool relaxed = false) override;
  Result<Staged> stage_copy(const std::string& path, const std::string& name) override;
  Result<void> drop_staged(const std::string& name) override;

  Result<std::uint64_t> claim(const std::string& name, std::uint64_t number) override;
  Result<void> drop_claimed(std::uint64_t number) override;
  Result<bool> publish_claimed(std::uint64_t number, const std::string& path,
                               const FileStamp& stamp) override;
  void prepare_small(std::vector<SmallPut>&& puts) override;
  void drop_prepared() override { prepared_.drop(); }
  Result<bool> publish_small(const std::string& path, const FileStamp& stamp,
                             std::span<const char> bytes, const Preserve& preserve,
                             bool relaxed = false) override;
  Result<Entry> stat_claimed(std::uint64_t number) override;
  Result<void> set_aside(const std::string& path, std::uint64_t number) override;
  Result<void> put_back(std::uint64_t number, const std::string& path) override;
  Result<void> restore(const std::string& path, std::span<const char> bytes, const FileStamp& stamp,
                       const Preserve& preserve) override;
  Result<bool> remove(const std::string& path, bool recursive) override;
  Result<bool> rename(const std::string& from, const std::string& to) override;
  Result<void> make_directory(const std::string& path, const Preserve& preserve) override;
  Result<void> set_attributes(const std::string& path, const Preserve& preserve) override;
  Result<void> sync_upload(std::uint64_t number, const std::string& path) override;
  Result<bool> is_whole(const std::string& path, const FileStamp& stamp) override;
  Result<void> sync_tree() override;
  void sync_begins() override { spares_.sync_begins(); }
  void sync_ended() override { spares_.sync_ended(); }

  Result<void> sweep(const std::vector<std::uint64_t>& sessions, bool all_but) override;
  Result<void> sweep_kept(std::chrono::milliseconds age) override;
  Result<bool> empty_trash() override;
  void make_room() override;

 private:
  /// As `make_room`, and no more than is needed: nothing where the disk could not hold so many
  /// bytes, and what others may come back for goes last, and only where that makes enough room.
  void make_room_for(std::uint64_t bytes);
  Result<bool> move_small(int directory, const std::string& name, const Place& place);
  Result<bool> move_into_place(int directory, const std::string& name, const Place& place);

  std::shared_ptr<const Root> root_;
  SpareFiles spares_;
  PreparedFiles prepared_;
};

/// Opens a root for a server or a worker. The directory must exist. Fails with `root_unusable` and
/// a detail that says what is wrong where, or with `root_served` where another server has it.
Result<std::unique_ptr<PosixStorage>> open_root(const std::string& path, Role role);

}  // namespace sluice::storage
