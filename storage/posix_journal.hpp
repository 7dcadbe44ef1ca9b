// The lock journal's files: .sluice/locks/a, b and mark, made durably when a server first starts
// and kept open. They have their blocks before they are written, so that a write into the page
// cache is all that a grant costs. Read on: storage/journal_files.hpp,
// broker/locks/lock_journal.hpp.
#pragma once

#include <array>
#include <memory>

#include "storage/journal_files.hpp"
#include "storage/root.hpp"

namespace sluice::storage {

class PosixJournal final : public JournalFiles {
 public:
  /// Opens those that are there. Fails with `root_unusable` where something else than a file has
  /// the name.
  static Result<std::unique_ptr<PosixJournal>> open(std::shared_ptr<const Root> root);

  Result<std::string> read(unsigned which) override;
  Result<void> reserve(unsigned which, std::uint64_t size_bytes) override;
  Result<void> write(unsigned which, std::uint64_t offset, std::string_view bytes) override;
  Result<void> sync(unsigned which) override;
  std::optional<std::uint64_t> size_bytes(unsigned which) const override;
  Result<void> make() override;
  std::string name(unsigned which) const override;
  Result<void> keep_copy(unsigned which) override;
  std::string boot() const override { return root_->boot; }

 private:
  struct File {
    Descriptor descriptor;
    /// Has blocks up to here. A full disk gives none to a new one: then its first write fails.
    std::uint64_t size_bytes = 0;
  };

  explicit PosixJournal(std::shared_ptr<const Root> root) : root_(std::move(root)) {}
  Result<void> open_file(unsigned which, int flags);

  std::shared_ptr<const Root> root_;
  std::array<File, 3> files_;
  /// Of the thread that syncs.
  bool sync_failed_ = false;
};

}  // namespace sluice::storage
