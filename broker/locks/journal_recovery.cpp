// Reading the lock journal back, and telling what a crash or a power loss leaves from damage: see
// lock_journal.hpp. After the end of a process alone all that was written is there, whole but for
// the last write; a power loss takes, in any order, what was not synced. What the mark says was
// durable must be there in any case.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/locks/journal_content.hpp"
#include "broker/locks/lock_journal.hpp"

namespace sluice::broker::locks {
namespace {

// Locks that a repair writes at once.
constexpr std::size_t repair_locks = 256;

bool goes_on(const JournalContent& newer, const JournalContent& older) {
  return older.head && older.whole && newer.first_sequence == older.last_sequence + 1 &&
         newer.head->follows == older.last_checksum;
}

// Zeros from there to the end: what does not count must not begin to when the other file grows, nor
// be taken for what was written later.
Result<void> clear_from(storage::JournalFiles& files, unsigned which, std::size_t offset,
                        std::size_t size) {
  if (offset >= size) return {};
  if (auto done = files.write(which, offset, std::string(size - offset, '\0')); !done) return done;
  return files.sync(which);
}

// Both files and the mark, as they are found.
class Found {
 public:
  explicit Found(storage::JournalFiles& files) : files_(files) {}

  Result<void> read();
  /// Decides which file goes on, and looks for damage.
  void judge(bool served_before);
  /// What is held, from all frames that count, or with damage from all that can be read.
  HeldLocks held();
  /// Removes what a power loss has left of frames that do not count.
  Result<void> clear_remains();

  bool begun(unsigned which) const { return content_[which].head.has_value(); }
  bool empty() const { return !begun(0) && !begun(1); }
  unsigned newer() const { return newer_; }
  const JournalContent& file(unsigned which) const { return content_[which]; }
  const std::optional<JournalMark>& mark() const { return mark_; }
  const std::string& damage() const { return damage_; }
  bool power_lost() const { return mark_ && !mark_->stopped && !same_boot_; }
  std::uint64_t largest_sequence() const { return largest_sequence_; }

 private:
  void look_at_files(bool served_before);
  void choose();
  void look_behind(unsigned which);
  void damaged(unsigned which);

  storage::JournalFiles& files_;
  JournalContent content_[2];
  std::optional<JournalMark> mark_;
  bool same_boot_ = false;
  /// Nothing that was written may be missing.
  bool lossless_ = false;
  unsigned newer_ = 0;
  /// From where on a file has to be cleared.
  std::optional<std::size_t> clear_from_[2];
  std::uint64_t largest_sequence_ = 0;
  std::string damage_;
};

Result<void> Found::read() {
  for (unsigned which = 0; which <= mark_file; ++which) {
    if (auto done = files_.sync(which); !done) return done;
    auto bytes = files_.read(which);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (which == mark_file) {
      mark_ = find_mark(*bytes);
      continue;
    }
    content_[which].bytes = std::move(*bytes);
    read_frames(content_[which], nullptr);
    largest_sequence_ = std::max(largest_sequence_, content_[which].last_sequence);
  }
  if (!mark_) return {};
  same_boot_ = !mark_->boot.empty() && mark_->boot == files_.boot();
  lossless_ = mark_->stopped || same_boot_;
  largest_sequence_ = std::max(largest_sequence_, mark_->sequence);
  return {};
}

void Found::damaged(unsigned which) {
  if (damage_.empty())
    damage_ = fmt::format("{} cannot be read from byte {} on", files_.name(which),
                          content_[which].end_bytes);
}

void Found::look_at_files(bool served_before) {
  if (!mark_ && served_before)
    damage_ = fmt::format("{} is missing or damaged", files_.name(mark_file));
  for (unsigned which = 0; which < 2 && mark_; ++which) {
    const std::uint64_t wanted = mark_->file_bytes[which];
    const auto size = files_.size_bytes(which);
    if (wanted == 0 || !damage_.empty() || (size && *size >= wanted)) continue;
    damage_ = !size ? fmt::format("{} is missing", files_.name(which))
                    : fmt::format("{} has been cut, from {} to {} bytes", files_.name(which),
                                  wanted, *size);
  }
}

// The newer file, unless it lacks the older one's end that it follows: a power loss may have taken
// that, and then nothing that came after it was durable.
void Found::choose() {
  newer_ = begun(1) && (!begun(0) || content_[1].generation > content_[0].generation) ? 1 : 0;
  const JournalContent& newer = content_[newer_];
  const JournalContent& older = content_[1 - newer_];
  if (newer.whole || goes_on(newer, older)) return;
  const bool says_nothing = newer.first_sequence == newer.last_sequence;
  if (!older.head || !older.whole || (lossless_ && !says_nothing)) return damaged(1 - newer_);
  newer_ = 1 - newer_;
  clear_from_[1 - newer_] = 0;
}

void Found::look_behind(unsigned which) {
  if (!goes_on_behind_end(content_[which])) return;
  if (lossless_) return damaged(which);
  clear_from_[which] = content_[which].end_bytes;
}

void Found::judge(bool served_before) {
  look_at_files(served_before);
  for (const unsigned which : {0u, 1u}) {
    const std::string& bytes = content_[which].bytes;
    if (!lossless_ && !begun(which) && bytes.find_first_not_of('\0') != std::string::npos)
      clear_from_[which] = 0;
  }
  if (!empty()) {
    choose();
    look_behind(newer_);
    const unsigned other = 1 - newer_;
    if (begun(other)) {
      if (!content_[newer_].whole) look_behind(other);
    } else if (lossless_ && generation_of(content_[other]) > content_[newer_].generation) {
      damaged(other);
    }
  }
  const JournalContent& last = content_[newer_];
  if (!mark_) return;
  const bool as_it_was = mark_->stopped ? last.last_sequence == mark_->sequence &&
                                              last.last_checksum == mark_->checksum
                                        : last.last_sequence >= mark_->sequence;
  if (!as_it_was) damaged(newer_);
}

HeldLocks Found::held() {
  HeldLocks held;
  if (damage_.empty()) {
    if (!content_[newer_].whole) read_frames(content_[1 - newer_], &held);
    read_frames(content_[newer_], &held);
    return held;
  }
  const unsigned last = generation_of(content_[1]) > generation_of(content_[0]) ? 1 : 0;
  for (const unsigned which : {1 - last, last}) {
    if (which != last && content_[last].whole) continue;
    largest_sequence_ = std::max(largest_sequence_, salvage_frames(content_[which], held));
  }
  return held;
}

Result<void> Found::clear_remains() {
  for (const unsigned which : {0u, 1u})
    if (clear_from_[which])
      if (auto done = clear_from(files_, which, *clear_from_[which], content_[which].bytes.size());
          !done)
        return done;
  return {};
}

std::vector<JournaledLock> listed(HeldLocks&& held) {
  std::vector<JournaledLock> locks;
  for (auto& [number, lock] : held) locks.push_back(std::move(lock));
  return locks;
}

}  // namespace

Result<RecoveredLocks> LockJournal::recover(storage::JournalFiles& files,
                                            const JournalStart& start) {
  Found found(files);
  if (auto done = found.read(); !done) return tl::make_unexpected(done.error());
  found.judge(start.served_before);
  RecoveredLocks recovered;
  recovered.damage = found.damage();
  recovered.locks = listed(found.held());
  JournalEnd& end = recovered.end;
  end.mark = found.mark().value_or(JournalMark{});
  for (const unsigned which : {0u, 1u})
    end.largest_generation =
        std::max(end.largest_generation, generation_of(found.file(which)).value_or(0));
  if (!recovered.damage.empty()) {
    end.last_sequence = found.largest_sequence();
    return recovered;
  }
  if (auto done = files.make(); !done) return tl::make_unexpected(done.error());
  if (auto done = found.clear_remains(); !done) return tl::make_unexpected(done.error());
  if (found.empty()) {
    if (auto done = begin(files, end); !done) return tl::make_unexpected(done.error());
  } else {
    const JournalContent& file = found.file(found.newer());
    end.file = found.newer();
    end.generation = file.generation;
    end.last_sequence = file.last_sequence;
    end.last_checksum = file.last_checksum;
    end.end_bytes = file.end_bytes;
    end.whole = file.whole;
  }
  std::string live;
  for (const JournaledLock& lock : recovered.locks) {
    live.clear();
    put_lock(live, lock);
    end.live_bytes += live.size();
    end.largest_number = lock.number;
  }
  const std::uint64_t guarded = end.mark.guard_until_ms;
  recovered.guard = (found.power_lost() && end.mark.relaxed) ||
                    (guarded > start.wall_ms && guarded - start.wall_ms <= start.grace_ms);
  end.mark.guard_until_ms = recovered.guard ? start.wall_ms + start.grace_ms : 0;
  for (const unsigned which : {0u, 1u})
    end.mark.file_bytes[which] = files.size_bytes(which).value_or(0);
  if (auto done = mark_served(files, end, start); !done) return tl::make_unexpected(done.error());
  return recovered;
}

// Of a new root: so that a journal without a beginning is damage from then on.
Result<void> LockJournal::begin(storage::JournalFiles& files, JournalEnd& end) {
  LockJournal journal(files, end, [](std::uint64_t) { return std::nullopt; });
  if (auto done = journal.begin_file(0, {true, 0}); !done) return done;
  if (auto done = files.sync(0); !done) return done;
  end.generation = end.largest_generation = journal.generation_;
  end.last_sequence = journal.sequence_;
  end.last_checksum = journal.checksum_;
  end.end_bytes = journal.end_bytes_;
  return {};
}

Result<void> LockJournal::mark_served(storage::JournalFiles& files, JournalEnd& end,
                                      const JournalStart& start) {
  end.mark.stopped = false;
  end.mark.relaxed = start.relaxed;
  end.mark.boot = files.boot();
  end.mark.sequence = end.last_sequence;
  end.mark.checksum = end.last_checksum;
  return write_mark(files, end.mark);
}

Result<RecoveredLocks> LockJournal::repair(storage::JournalFiles& files,
                                           const RecoveredLocks& damaged,
                                           const JournalStart& start) {
  for (const unsigned which : {0u, 1u}) {
    const auto bytes = files.read(which);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (auto done = files.keep_copy(which); !done) return tl::make_unexpected(done.error());
    if (auto done = clear_from(files, which, 0, bytes->size()); !done)
      return tl::make_unexpected(done.error());
  }
  if (auto done = files.make(); !done) return tl::make_unexpected(done.error());
  JournalEnd end = damaged.end;
  LockJournal journal(files, end, [](std::uint64_t) { return std::nullopt; });
  if (auto done = journal.begin_file(0, {true, 0}); !done) return tl::make_unexpected(done.error());
  std::size_t gathered = 0;
  for (const JournaledLock& lock : damaged.locks) {
    journal.granted(lock);
    if (++gathered % repair_locks != 0) continue;
    if (auto done = journal.append(); !done) return tl::make_unexpected(done.error());
    journal.forget_gathered(true);
  }
  if (journal.gathered())
    if (auto done = journal.append(); !done) return tl::make_unexpected(done.error());
  if (auto done = files.sync(0); !done) return tl::make_unexpected(done.error());
  end.last_sequence = journal.sequence_;
  end.last_checksum = journal.checksum_;
  // Everything waits for the holders of what could not be read.
  end.mark.guard_until_ms = start.wall_ms + start.grace_ms;
  end.mark.file_bytes = {};
  if (auto done = mark_served(files, end, start); !done) return tl::make_unexpected(done.error());
  auto recovered = recover(files, start);
  if (recovered && !recovered->damage.empty())
    return protocol::fail(protocol::Code::io_error, {}, recovered->damage);
  return recovered;
}

}  // namespace sluice::broker::locks
