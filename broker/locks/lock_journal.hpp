// The lock journal: which locks are held, in two files, so that they are held again after a
// restart. The lock actor's thread gathers what happened in a batch and writes it with one plain
// write before it answers; that survives the end of the process. Another thread makes it durable on
// demand
// (`sync_files`). Read on: journal_records.hpp, docs/architecture.md, "The lock journal".
//
// Each file holds one generation: a chain of frames from its beginning, each checked with the
// checksum of the one before, so that nothing older that lies behind the end can count. When the
// current file has become long, the other is begun and all that happens goes there; the locks that
// are held are copied over in parts. Until the copy is complete both files count, one after the
// other; and until that is durable too, the old one is not overwritten.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/locks/journal_mark.hpp"
#include "broker/locks/journal_records.hpp"
#include "storage/journal_files.hpp"

namespace sluice::broker::locks {

using protocol::Result;

/// Where a journal goes on.
struct JournalEnd {
  unsigned file = 0;
  std::uint64_t generation = 0;
  /// Of all that either file may hold.
  std::uint64_t largest_generation = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_checksum = 0;
  std::uint64_t end_bytes = 0;
  /// The file alone tells all.
  bool whole = true;
  std::uint64_t live_bytes = 0;
  std::uint64_t largest_number = 0;
  /// As it stands in its file.
  JournalMark mark;
};

/// What the journal is read for.
struct JournalStart {
  /// The root was served before, so a journal has to be there.
  bool served_before = false;
  /// This server will answer grants that are not on the disk.
  bool relaxed = false;
  /// The wall clock, in ms since 1970, and for how long everything waits for those whose locks may
  /// have been lost.
  std::uint64_t wall_ms = 0;
  std::uint64_t grace_ms = 0;
};

struct RecoveredLocks {
  /// By number.
  std::vector<JournaledLock> locks;
  JournalEnd end;
  /// Locks may have been lost that are not over: nothing may be granted before they are.
  bool guard = false;
  /// What is wrong with the files, in words that name the file and place: neither a crash nor a
  /// power loss leaves them so. Then `locks` is what can be read, and only `repair` makes a journal
  /// of it that can be written to. Empty: nothing.
  std::string damage;
};

class LockJournal {
 public:
  /// The held lock with the next larger number, as it is now, with all that was told of by
  /// `granted` and `ended`.
  using NextHeld = std::function<std::optional<JournaledLock>(std::uint64_t after_number)>;
  struct Sizes {
    /// A file shorter than this is not left for the other one.
    std::uint64_t switch_bytes = 1u << 20;
    /// Locks that one write copies.
    std::size_t copies = 256;
  };

  /// `next_held` is called from within `write` alone. All that was recovered must be held by the
  /// first `write`, or have been told of by `ended`.
  LockJournal(storage::JournalFiles& files, const JournalEnd& end, NextHeld next_held)
      : LockJournal(files, end, std::move(next_held), Sizes{}) {}
  LockJournal(storage::JournalFiles& files, const JournalEnd& end, NextHeld next_held, Sizes sizes);

  /// Reads what the files hold and makes it durable, as it will be acted upon; the mark then says
  /// that a server writes there. Changes nothing where there is damage. Before the journal is made;
  /// slow.
  static Result<RecoveredLocks> recover(storage::JournalFiles& files,
                                        const JournalStart& start = {});
  /// Keeps copies of damaged files, writes what could be read anew, and recovers that.
  static Result<RecoveredLocks> repair(storage::JournalFiles& files, const RecoveredLocks& damaged,
                                       const JournalStart& start);

  // --- the lock actor's thread ---

  /// A lock is held, or is held on other terms: converted, renewed.
  void granted(const JournaledLock& lock);
  /// It is not held any more. A number that the journal does not know does no harm.
  void ended(std::uint64_t number);
  /// Whether there is anything to write.
  bool gathered() const { return !gathered_.empty(); }

  /// Writes what was gathered; counts whole or not at all. Gives the position behind it: bytes
  /// written since the start, never less than before. To be called before any of it is answered.
  ///
  /// On failure no `granted` of it counts. The caller takes back each new grant, and each
  /// conversion and renewal, or tells of it anew by `granted`; it must tell of a lock made shared
  /// anew, as that is what lets others in. What was `ended` stays gathered and goes with the next
  /// write, before whatever is granted by it. The journal can be written again at once.
  Result<std::uint64_t> write();
  /// Behind the last write.
  std::uint64_t position() const { return position_; }
  /// All up to this position is durable.
  void synced(std::uint64_t position);
  /// A copy is complete, and the files can change places again only after a sync: the caller should
  /// ask for one some time, even if no lock needs it.
  bool wants_sync() const { return whole_ && synced_ < whole_at_; }

  /// The last call, when nobody else syncs any more: makes all durable, and says in the mark that
  /// the journal ends here.
  Result<void> stop();

  // --- any one other thread ---

  /// Makes durable all that was written before the caller came to know of it. A failure is final:
  /// what is on the disk is not known any more, and all later calls fail.
  Result<void> sync_files();

 private:
  Result<void> write_frame(std::string& frame, unsigned file, std::uint64_t offset,
                           std::uint64_t seed);
  Result<void> begin_file(unsigned file, const JournalHead& head);
  Result<void> append();
  static Result<void> begin(storage::JournalFiles& files, JournalEnd& end);
  static Result<void> mark_served(storage::JournalFiles& files, JournalEnd& end,
                                  const JournalStart& start);
  bool may_switch() const { return whole_ && synced_ >= whole_at_ && generation_ != 0; }
  Result<void> switch_files();
  void forget_gathered(bool written);

  storage::JournalFiles& files_;
  NextHeld next_held_;
  Sizes sizes_;

  /// A frame: room for its header, then records. Empty if there are none.
  std::string gathered_;
  /// Told of by `ended` in what is gathered.
  std::vector<std::uint64_t> gathered_ends_;

  unsigned file_;
  std::uint64_t generation_;
  std::uint64_t largest_generation_;
  std::uint64_t sequence_;
  std::uint64_t checksum_;
  std::uint64_t end_bytes_;
  std::uint64_t position_ = 0;
  std::uint64_t synced_ = 0;

  /// The copy: complete, or so far done up to this number.
  bool whole_;
  std::uint64_t whole_at_ = 0;
  std::uint64_t copied_up_to_ = 0;
  std::uint64_t copy_until_;
  std::uint64_t copied_bytes_ = 0;
  /// What a copy comes to, as far as is known.
  std::uint64_t live_bytes_;
  std::uint64_t largest_number_;
  /// After a switch that did not find room: tried again beyond this.
  std::uint64_t postponed_until_ = 0;
  JournalMark mark_;
};

}  // namespace sluice::broker::locks
