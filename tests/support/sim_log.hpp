// The commit log's files in memory, with what a power loss may do to them; and `SimFaults`, which
// makes calls of this log and of `SimStorage` fail, or kills the process in the middle of one. Used
// by one thread. Read on: sim_storage.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/storage.hpp"

namespace sluice::testing {

using Random = std::mt19937_64;
/// A number below `bound` (which is not 0); the same on every platform.
inline std::uint64_t below(Random& random, std::uint64_t bound) {
  return random() % bound;
}
inline bool chance(Random& random, unsigned percent) {
  return below(random, 100) < percent;
}

/// Every call of `Storage`, `LogFiles` and `JournalFiles`, to say which shall fail.
enum class DiskCall : std::uint8_t {
  stat,
  list,
  open,
  read_snapshot,
  drop_snapshot,
  begin_upload,
  write_upload,
  upload_state,
  finish_upload,
  stage_copy,
  drop_staged,
  claim,
  drop_claimed,
  publish_claimed,
  publish_small,
  stat_claimed,
  set_aside,
  put_back,
  restore,
  remove,
  rename,
  make_directory,
  set_attributes,
  sync_tree,
  sweep,
  empty_trash,
  log_segments,
  log_read,
  log_start,
  log_reserve,
  log_append,
  log_sync,
  log_drop_before,
  journal_read,
  journal_reserve,
  journal_write,
  journal_sync,
  count_
};

/// Thrown out of a call in whose middle the process is killed: whoever drives the actors drops
/// them.
struct Killed {};

/// Faults to come; shared by one storage and one log.
class SimFaults {
 public:
  /// The next `times` calls of this kind fail with `code`, before they have done anything.
  void fail_next(DiskCall call, int times, protocol::Code code) {
    failing_[static_cast<std::size_t>(call)] = {times, code};
  }
  /// The `steps`th single step from here on (a change of a name or attribute, part of an append, a
  /// sync) throws `Killed` instead of being done. 0: none.
  void kill_after(std::uint64_t steps) { kill_after_ = steps; }
  void clear() { failing_ = {}, kill_after_ = 0; }

  /// For the disk: fails if a fault is due.
  protocol::Result<void> check(DiskCall call);
  /// For the disk: before each single step.
  void step();

 private:
  struct Failing {
    int times = 0;
    protocol::Code code{};
  };
  std::array<Failing, static_cast<std::size_t>(DiskCall::count_)> failing_{};
  std::uint64_t kill_after_ = 0;
};

class SimLogFiles final : public storage::LogFiles {
 public:
  explicit SimLogFiles(SimFaults* faults = nullptr) : faults_(faults) {}

  // --- for tests ---
  /// Keeps what was synced and some of the rest: cut anywhere, torn, with holes or garbage behind.
  void power_loss(Random& random);
  /// The process was killed: all bytes stay, but they are not durable by that.
  void crash() { current_ = 0, sync_failed_ = false; }
  /// Whether `sync` or `append` was called after a sync had failed, which the interface forbids.
  bool misused() const { return misused_; }
  /// As a small disk has it.
  void set_share(std::uint64_t bytes) { share_bytes_ = bytes; }
  unsigned rooms_made() const { return rooms_made_; }
  /// From here on `sync` says that it is done, and does nothing.
  void lie_about_sync(bool lies) { lies_ = lies; }
  /// To be changed by tests that tamper with the log.
  std::map<std::uint64_t, std::string> contents() const;
  void replace(std::uint64_t generation, std::string bytes);

  // --- storage::LogFiles ---
  protocol::Result<std::vector<std::uint64_t>> segments() override;
  protocol::Result<std::string> read(std::uint64_t generation) override;
  protocol::Result<void> start(std::uint64_t generation) override;
  protocol::Result<void> reserve(std::uint64_t bytes) override;
  protocol::Result<void> append(std::string_view bytes) override;
  protocol::Result<void> sync() override;
  protocol::Result<void> drop_before(std::uint64_t generation) override;
  std::uint64_t share_bytes() const override { return share_bytes_; }
  void make_room() override { ++rooms_made_; }

 private:
  struct Segment {
    std::string written;
    std::size_t synced_bytes = 0;
    /// What the file held before: segments are used again.
    std::string beneath;
    bool exists_durably = false;
    bool dropped = false;

    std::string all() const;
    void lose_power(Random& random);
  };
  protocol::Result<void> check(DiskCall call);

  SimFaults* faults_;
  std::map<std::uint64_t, Segment> segments_;
  std::string recycled_;
  std::uint64_t current_ = 0;
  std::uint64_t share_bytes_ = UINT64_MAX;
  unsigned rooms_made_ = 0;
  bool sync_failed_ = false;
  bool misused_ = false;
  bool lies_ = false;
};

}  // namespace sluice::testing
