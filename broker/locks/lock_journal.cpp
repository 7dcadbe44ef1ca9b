// Writing the lock journal: see lock_journal.hpp. Reading it back: journal_recovery.cpp.
#include "broker/locks/lock_journal.hpp"

#include <algorithm>
#include <utility>

#include "broker/record_frame.hpp"

namespace sluice::broker::locks {
namespace {

constexpr std::uint64_t longest_to_live = 4;
// A copy of long locks is cut into shorter parts.
constexpr std::uint64_t copy_bytes = 256u << 10;
// More than this is not kept between writes.
constexpr std::size_t kept_capacity = 1u << 20;

void begin_frame(std::string& frame) {
  if (frame.empty()) frame.append(frame_header_bytes, '\0');
}

}  // namespace

LockJournal::LockJournal(storage::JournalFiles& files, const JournalEnd& end, NextHeld next_held,
                         Sizes sizes)
    : files_(files),
      next_held_(std::move(next_held)),
      sizes_(sizes),
      file_(end.file),
      generation_(end.generation),
      largest_generation_(end.largest_generation),
      sequence_(end.last_sequence),
      checksum_(end.last_checksum),
      end_bytes_(end.end_bytes),
      whole_(end.whole),
      copy_until_(end.largest_number),
      live_bytes_(end.live_bytes),
      largest_number_(end.largest_number),
      mark_(end.mark) {}

void LockJournal::granted(const JournaledLock& lock) {
  begin_frame(gathered_);
  put_lock(gathered_, lock);
  largest_number_ = std::max(largest_number_, lock.number);
}

void LockJournal::ended(std::uint64_t number) {
  begin_frame(gathered_);
  put_ended(gathered_, number);
  gathered_ends_.push_back(number);
}

Result<std::uint64_t> LockJournal::write() {
  if (gathered_.empty()) return position_;
  Result<void> done;
  if (generation_ == 0) done = begin_file(file_, {true, 0});
  const std::uint64_t long_enough =
      std::max({sizes_.switch_bytes, longest_to_live * live_bytes_, postponed_until_});
  if (may_switch() && end_bytes_ > long_enough && !switch_files())
    postponed_until_ = end_bytes_ + sizes_.switch_bytes;
  if (done) done = append();
  // The other file may be long enough for what is held, where this one cannot grow.
  if (!done && done.error().code == protocol::Code::no_space && may_switch() && switch_files())
    done = append();
  forget_gathered(done.has_value());
  if (!done) return tl::make_unexpected(done.error());
  return position_;
}

void LockJournal::forget_gathered(bool written) {
  gathered_.clear();
  if (gathered_.capacity() > kept_capacity) gathered_.shrink_to_fit();
  if (written) return gathered_ends_.clear();
  for (const std::uint64_t number : std::exchange(gathered_ends_, {})) ended(number);
}

// Nothing changes unless it is written.
Result<void> LockJournal::write_frame(std::string& frame, unsigned file, std::uint64_t offset,
                                      std::uint64_t seed) {
  const std::uint64_t checksum = finish_frame(frame, 0, generation_, sequence_ + 1, seed);
  if (auto done = files_.write(file, offset, frame); !done) return done;
  file_ = file;
  ++sequence_;
  checksum_ = checksum;
  end_bytes_ = offset + frame.size();
  position_ += frame.size();
  return {};
}

Result<void> LockJournal::begin_file(unsigned file, const JournalHead& head) {
  const std::uint64_t generation = std::exchange(generation_, ++largest_generation_);
  std::string frame;
  begin_frame(frame);
  put_head(frame, head);
  auto done = write_frame(frame, file, 0, 0);
  if (!done) generation_ = generation;
  return done;
}

Result<void> LockJournal::switch_files() {
  const unsigned other = 1 - file_;
  // What is copied and what happens meanwhile; on a full disk it is better to stay.
  const std::uint64_t room = std::max<std::uint64_t>(sizes_.switch_bytes / 4, 2 * live_bytes_);
  if (auto done = files_.reserve(other, room); !done) return done;
  if (auto done = begin_file(other, {false, checksum_}); !done) return done;
  whole_ = false;
  copied_up_to_ = 0;
  copied_bytes_ = 0;
  copy_until_ = largest_number_;
  postponed_until_ = 0;
  return {};
}

Result<void> LockJournal::append() {
  const std::size_t own_bytes = gathered_.size();
  std::uint64_t copied_up_to = copied_up_to_;
  bool copied = false;
  if (!whole_) {
    for (std::size_t i = 0; i < sizes_.copies && !copied; ++i) {
      const auto lock = next_held_(copied_up_to);
      copied = !lock || lock->number > copy_until_;
      if (copied || gathered_.size() - own_bytes > copy_bytes) break;
      put_lock(gathered_, *lock);
      copied_up_to = lock->number;
    }
  }
  const std::size_t with_copies = gathered_.size();
  if (copied) put_copied(gathered_);
  auto done = write_frame(gathered_, file_, end_bytes_, checksum_);
  if (!done && gathered_.size() > own_bytes) {
    // The copy can wait for room, what happened cannot.
    gathered_.resize(own_bytes);
    return write_frame(gathered_, file_, end_bytes_, checksum_);
  }
  if (!done) return done;
  copied_up_to_ = copied_up_to;
  copied_bytes_ += with_copies - own_bytes;
  if (!copied) return {};
  whole_ = true;
  whole_at_ = position_;
  live_bytes_ = copied_bytes_;
  return {};
}

void LockJournal::synced(std::uint64_t position) {
  synced_ = std::max(synced_, position);
}

Result<void> LockJournal::stop() {
  if (const auto written = write(); !written) return tl::make_unexpected(written.error());
  if (auto done = sync_files(); !done) return done;
  mark_.stopped = true;
  mark_.sequence = sequence_;
  mark_.checksum = checksum_;
  return write_mark(files_, mark_);
}

// The files are all that this touches: another thread writes meanwhile.
Result<void> LockJournal::sync_files() {
  for (unsigned file = 0; file < 2; ++file)
    if (auto done = files_.sync(file); !done) return done;
  return {};
}

}  // namespace sluice::broker::locks
