// READY: compile sim_storage.cpp and sim_log.cpp with your tests.
// A disk in memory that forgets at a power loss what was not synced: `SimStorage` is the tree and
// the server's own areas, `SimLogFiles` (sim_log.hpp) the log, `SimFaults` makes calls of both fail
// or kills the process in the middle of one. Used by one thread. Read on: sim_storage.cpp,
// sim_verify.cpp, tests/sim/.
//
// The model. Directories are inodes with entries, so an operation on a renamed directory follows
// it. Every change of names or attributes since the last `sync_tree` is one operation of an ordered
// list; a power loss keeps some of them: a prefix, none, or any set that holds with an operation
// every earlier one on the same file or name. Syncing a file (finish_upload, stage_copy, restore)
// makes its bytes, its creation and its attributes durable, but not a later move. Bytes of files
// never synced may be lost, or be zeros. Inode numbers are used again once their end is durable.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "storage/storage.hpp"
#include "tests/support/sim_log.hpp"

namespace sluice::testing {

/// A file of the tree as checkers want it.
struct SimFile {
  std::uint64_t version = 0;
  std::string bytes;
  std::uint32_t mode = 0;
};

class SimStorage final : public storage::Storage {
 public:
  explicit SimStorage(SimFaults* faults = nullptr, std::string identity = "sim-root");

  // --- for tests ---
  /// What `mtime_ns` new files get.
  void set_now(std::int64_t now_ns) { now_ns_ = now_ns; }
  /// The machine lost its power: keeps what was durable and, as the dice say, some of the rest.
  void power_loss(Random& random);
  /// The process was killed: everything stays. (Says what is meant in tests.)
  void crash() {}
  /// Files of the tree, with all directories above them made; stays over a power loss. By hand:
  /// version 0.
  void plant(const std::string& path, std::string bytes);
  /// Changes one byte of a file of the tree, and nothing that is known of it.
  void flip_byte(const std::string& path, std::size_t offset);
  /// Something that is neither file nor directory.
  void plant_other(const std::string& path);
  std::map<std::string, SimFile> files() const;
  std::vector<std::string> directories() const;
  /// What lies in staging, claimed and snapshots: "staging/NAME".
  std::vector<std::string> litter() const;
  std::vector<std::string> trash() const;
  /// From here on `finish_upload` leaves out the sync of the bytes.
  void forget_to_sync_uploads(bool forgets) { forgets_to_sync_ = forgets; }
  std::size_t unsynced_operations() const { return unsynced_.size(); }

  // --- storage::Storage ---
  std::string identity() const override { return identity_; }
  protocol::Result<storage::Entry> stat(const std::string& path) override;
  protocol::Result<protocol::ListReply> list(const protocol::List& wanted) override;
  protocol::Result<storage::Opened> open(const std::string& path, std::size_t whole_bytes,
                                         const std::string& snapshot) override;
  protocol::Result<std::optional<storage::Opened>> read_small(const std::string& path,
                                                              std::size_t most_bytes) override;
  protocol::Result<storage::Piece> read_snapshot(const std::string& snapshot, std::uint64_t offset,
                                                 std::size_t length) override;
  protocol::Result<std::string> snapshot_leaves(const std::string& snapshot, std::uint64_t offset,
                                                std::size_t count) override;
  protocol::Result<void> drop_snapshot(const std::string& snapshot) override;
  protocol::Result<protocol::VerifyReply> verify(const protocol::Verify& wanted) override;
  protocol::Result<void> begin_upload(const std::string& name, std::uint64_t size_bytes,
                                      std::uint64_t zero_bytes = 0) override;
  protocol::Result<void> write_upload(const std::string& name, std::uint64_t offset,
                                      std::span<const char> bytes, std::string_view leaves,
                                      bool relaxed = false) override;
  protocol::Result<void> write_zeros(const std::string& name, std::uint64_t offset,
                                     std::uint64_t length) override;
  protocol::Result<storage::UploadState> upload_state(const std::string& name,
                                                      std::uint64_t offset = 0,
                                                      std::size_t count = SIZE_MAX) override;
  protocol::Result<void> finish_upload(const std::string& name, const storage::Staged& expected,
                                       const protocol::Preserve& preserve,
                                       bool relaxed = false) override;
  protocol::Result<storage::Staged> stage_copy(const std::string& path,
                                               const std::string& name) override;
  protocol::Result<void> drop_staged(const std::string& name) override;
  protocol::Result<std::uint64_t> claim(const std::string& name, std::uint64_t number) override;
  protocol::Result<void> drop_claimed(std::uint64_t number) override;
  protocol::Result<bool> publish_claimed(std::uint64_t number, const std::string& path,
                                         const storage::FileStamp& stamp) override;
  protocol::Result<bool> publish_small(const std::string& path, const storage::FileStamp& stamped,
                                       std::span<const char> bytes,
                                       const protocol::Preserve& wanted,
                                       bool relaxed = false) override;
  protocol::Result<storage::Entry> stat_claimed(std::uint64_t number) override;
  protocol::Result<void> set_aside(const std::string& path, std::uint64_t number) override;
  protocol::Result<void> put_back(std::uint64_t number, const std::string& path) override;
  protocol::Result<void> restore(const std::string& path, std::span<const char> bytes,
                                 const storage::FileStamp& stamp,
                                 const protocol::Preserve& preserve) override;
  protocol::Result<bool> remove(const std::string& path, bool recursive) override;
  protocol::Result<bool> rename(const std::string& from, const std::string& to) override;
  protocol::Result<void> make_directory(const std::string& path,
                                        const protocol::Preserve& preserve) override;
  protocol::Result<void> set_attributes(const std::string& path,
                                        const protocol::Preserve& preserve) override;
  protocol::Result<void> sync_upload(std::uint64_t number, const std::string& path) override;
  protocol::Result<bool> is_whole(const std::string& path,
                                  const storage::FileStamp& stamp) override;
  protocol::Result<void> sync_tree() override;
  void sync_begins() override { synced_ = false; }
  void sync_ended() override {
    misused_ = misused_ || !synced_;
    ++syncs_told_;
  }
  /// Whether a sync was told as done that was not.
  bool misused() const { return misused_; }
  int syncs_told() const { return syncs_told_; }
  protocol::Result<void> sweep(const std::vector<std::uint64_t>& sessions, bool all_but) override;
  protocol::Result<void> sweep_kept(std::chrono::milliseconds age) override;
  protocol::Result<bool> empty_trash() override;
  void make_room() override {}

 private:
  using Id = std::uint64_t;  // never used again, unlike the inode number
  using Directory = std::map<std::string, Id>;

  struct Inode {
    protocol::EntryKind kind = protocol::EntryKind::file;
    std::uint64_t number = 0;
    std::string data;
    bool synced = false;
    // Uploads: 16 bytes a leaf, and which have arrived.
    std::string leaves;
    std::string arrived;
    /// When something was written to it last, by `set_now`.
    std::int64_t written_ns = 0;
    /// An upload that was under way when the power went: it has to be begun anew.
    bool forgotten = false;
  };
  struct Attribute {
    storage::FileStamp stamp{};
    std::uint32_t mode = 0;
    std::int64_t mtime_ns = 0;
  };
  // Names and attributes, as seen now or as durable.
  struct Image {
    std::map<Id, Directory> directories;
    std::map<Id, Attribute> attributes;
  };
  enum class Kind : std::uint8_t { create, link, unlink, move, stamp, mode, mtime };
  struct Operation {
    Kind kind{};
    Id id = 0;
    Id directory = 0;
    std::string name{};
    Id to_directory = 0;
    std::string to_name{};
    Attribute attribute{};
    // Made durable by syncing the file.
    bool forced = false;
  };
  struct Place {
    Id directory = 0;
    std::string name{};
    Id id = 0;  // 0: nothing there
  };

  Id new_inode(protocol::EntryKind kind, std::string data);
  bool apply(Image& image, const Operation& operation) const;
  bool apply_move(Image& image, const Operation& operation) const;
  bool reaches(const Image& image, Id from, Id sought) const;
  void change(Operation operation);
  void create(Id id, Id directory, const std::string& name, const protocol::Preserve& preserve);
  void unlink(Id directory, const std::string& name);
  void move(const Place& from, const Place& to);
  void stamp(Id id, const storage::FileStamp& stamp);
  void preserve(Id id, const protocol::Preserve& preserve);
  void sync_inode(Id id);
  bool keep_replaced(const Place& place);
  void write_anew(const Place& place, const storage::FileStamp& stamped,
                  std::span<const char> bytes, const protocol::Preserve& wanted);
  void collect_garbage();
  void lose_bytes(Inode& inode, Random& random) const;
  void force_what_is_needed();
  void keep_operations(Random& random);

  protocol::Result<Place> find(const std::string& path) const;
  protocol::Result<Place> find_existing(const std::string& path) const;
  protocol::Result<Place> target_of_file(const std::string& path) const;
  Id in_area(Id area, const std::string& name) const;
  Id upload_in_staging(const std::string& name) const;
  protocol::Attributes attributes_of(Id id) const;
  void walk(Id directory, const std::string& path, std::map<std::string, Id>& found) const;
  protocol::Result<void> check(DiskCall call) const;

  SimFaults* faults_;
  std::string identity_;
  std::int64_t now_ns_ = 1'000'000'000;
  std::map<Id, Inode> inodes_;
  Image current_;
  Image durable_;
  std::deque<Operation> unsynced_;
  std::vector<std::uint64_t> free_numbers_;
  std::uint64_t next_number_ = 2;
  Id next_id_ = 1;
  std::uint64_t next_trash_ = 1;
  bool forgets_to_sync_ = false;
  bool synced_ = false;
  bool misused_ = false;
  int syncs_told_ = 0;
  Id root_ = 0, staging_ = 0, claimed_ = 0, snapshots_ = 0, trash_ = 0;
};

/// Small files of that disk. Every second time as if it would have to be waited for.
class SimSmallFiles final : public storage::SmallFiles {
 public:
  explicit SimSmallFiles(SimStorage& storage) : storage_(storage) {}
  std::optional<storage::Opened> read(const std::string& path, std::size_t most_bytes,
                                      std::chrono::milliseconds now) override;
  void tree_moves(bool) override {}
  void let_go(std::chrono::milliseconds) override {}

 private:
  SimStorage& storage_;
  bool cold_ = false;
};

}  // namespace sluice::testing
