// The simulated lock journal: see sim_journal.hpp.
#include "tests/support/sim_journal.hpp"

#include <algorithm>

namespace sluice::testing {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

// Small, so that short histories have many.
constexpr std::size_t page_bytes = 64;

}  // namespace

void SimJournal::power_loss(Random& random) {
  sync_failed_ = false;
  reboot();
  for (File& file : files_) {
    file.durable.resize(file.written.size());
    const std::uint64_t how = below(random, 4);
    const std::size_t cut = below(random, file.written.size() + 1);
    for (std::size_t at = 0; at < file.written.size(); at += page_bytes) {
      const bool arrived = how == 0   ? false
                           : how == 1 ? at + page_bytes <= cut
                                      : chance(random, how == 2 ? 50 : 95);
      if (arrived) file.durable.replace(at, page_bytes, file.written, at, page_bytes);
    }
    // Of the page that was being written, some bytes.
    if (how == 1) file.durable.replace(0, cut, file.written, 0, cut);
    file.written = file.durable;
  }
}

Result<void> SimJournal::check(DiskCall call) {
  if (!faults_) return {};
  return faults_->check(call);
}

Result<std::string> SimJournal::read(unsigned which) {
  if (auto ok = check(DiskCall::journal_read); !ok) return tl::make_unexpected(ok.error());
  return files_.at(which).written;
}

Result<void> SimJournal::reserve(unsigned which, std::uint64_t size_bytes) {
  if (auto ok = check(DiskCall::journal_reserve); !ok) return ok;
  std::string& bytes = files_.at(which).written;
  if (size_bytes <= bytes.size()) return {};
  if (which < 2 && size_bytes + files_.at(1 - which).written.size() > limit_)
    return fail(Code::no_space);
  bytes.resize(size_bytes);
  return {};
}

Result<void> SimJournal::write(unsigned which, std::uint64_t offset, std::string_view bytes) {
  if (auto done = reserve(which, offset + bytes.size()); !done) return done;
  std::string& written = files_.at(which).written;
  const std::size_t half = bytes.size() / 2;
  // Two steps, so that a kill can tear it; and one that fails leaves a part.
  step();
  written.replace(offset, half, bytes.substr(0, half));
  if (auto ok = check(DiskCall::journal_write); !ok) return ok;
  step();
  written.replace(offset + half, bytes.size() - half, bytes.substr(half));
  return {};
}

Result<void> SimJournal::sync(unsigned which) {
  if (sync_failed_) return fail(Code::io_error, {}, "a sync has failed before");
  if (auto ok = check(DiskCall::journal_sync); !ok) {
    sync_failed_ = true;
    return ok;
  }
  step();
  files_.at(which).durable = files_.at(which).written;
  return {};
}

std::optional<std::uint64_t> SimJournal::size_bytes(unsigned which) const {
  const File& file = files_.at(which);
  return file.missing ? std::nullopt : std::optional(file.written.size());
}

Result<void> SimJournal::make() {
  for (File& file : files_) file.missing = false;
  return {};
}

Result<void> SimJournal::keep_copy(unsigned which) {
  copies_.at(which) = files_.at(which).written;
  return {};
}

}  // namespace sluice::testing
