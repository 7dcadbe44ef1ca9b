// The lock journal's files in memory, with what a power loss may do to them. Used by one thread.
// Read on: storage/journal_files.hpp; sim_log.hpp for `SimFaults`.
#pragma once

#include <array>
#include <string>

#include "storage/journal_files.hpp"
#include "tests/support/sim_log.hpp"

namespace sluice::testing {

class SimJournal final : public storage::JournalFiles {
 public:
  explicit SimJournal(SimFaults* faults = nullptr) : faults_(faults) {}

  // --- for tests ---
  /// Keeps what was synced, and of the rest some pages, all up to some place, or nothing.
  void power_loss(Random& random);
  /// The process was killed: all that was written stays, but is not durable by that.
  void crash() { sync_failed_ = false; }
  /// What the files may grow to together; writes that need more fail with `no_space`.
  void limit(std::uint64_t bytes) { limit_ = bytes; }
  /// To be changed by tests that tamper with it.
  std::string& contents(unsigned which) { return files_.at(which).written; }
  /// A file that is gone is made anew, and found not to have been there.
  void remove(unsigned which) { files_.at(which) = {{}, {}, true}; }
  /// The machine goes down and comes up again, all that was written stays.
  void reboot() { ++boots_; }
  const std::string& copy(unsigned which) const { return copies_.at(which); }

  // --- storage::JournalFiles ---
  protocol::Result<std::string> read(unsigned which) override;
  protocol::Result<void> reserve(unsigned which, std::uint64_t size_bytes) override;
  protocol::Result<void> write(unsigned which, std::uint64_t offset,
                               std::string_view bytes) override;
  protocol::Result<void> sync(unsigned which) override;
  std::optional<std::uint64_t> size_bytes(unsigned which) const override;
  protocol::Result<void> make() override;
  std::string name(unsigned which) const override { return "journal " + std::to_string(which); }
  protocol::Result<void> keep_copy(unsigned which) override;
  std::string boot() const override { return std::to_string(boots_); }

 private:
  struct File {
    std::string written;
    std::string durable;
    bool missing = false;
  };
  protocol::Result<void> check(DiskCall call);
  void step() const {
    if (faults_) faults_->step();
  }

  SimFaults* faults_;
  std::array<File, 3> files_;
  std::array<std::string, 2> copies_;
  int boots_ = 0;
  std::uint64_t limit_ = ~0ull;
  bool sync_failed_ = false;
};

}  // namespace sluice::testing
