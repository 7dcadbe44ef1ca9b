// Reading the lock journal back: see lock_journal.hpp.
#include <algorithm>

#include "broker/locks/lock_journal.hpp"
#include "broker/record_frame.hpp"

namespace sluice::broker::locks {
namespace {

struct Content {
  std::string bytes;
  /// Nothing: the file does not begin as a journal does.
  std::optional<JournalHead> head;
  std::uint64_t generation = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t last_checksum = 0;
  std::uint64_t end_bytes = 0;
  bool whole = false;
};

using Held = std::map<std::uint64_t, JournaledLock>;

// Tells of the records of the frames that check out, and where those end. Stops as well where the
// content of a frame makes no sense: then the frame does not count.
void read_frames(Content& file, Held* held) {
  std::string_view rest = file.bytes;
  std::optional<std::uint64_t> generation;
  std::uint64_t checksum = 0;
  for (;;) {
    const auto frame = take_frame(rest, generation, checksum);
    if (!frame || (generation && frame->sequence != file.last_sequence + 1)) return;
    std::optional<JournalHead> head;
    bool whole = file.whole;
    std::vector<std::pair<std::uint64_t, std::optional<JournaledLock>>> changes;
    const bool sound = read_records(
        frame->content, {[&](JournaledLock lock) {
                           const std::uint64_t number = lock.number;
                           if (held) changes.emplace_back(number, std::move(lock));
                         },
                         [&](std::uint64_t number) {
                           if (held) changes.emplace_back(number, std::nullopt);
                         },
                         [&](const JournalHead& found) { head = found, whole = found.whole; },
                         [&] { whole = true; }});
    // A head is in the first frame and nowhere else.
    if (!sound || head.has_value() == generation.has_value()) return;
    for (auto& [number, lock] : changes) {
      if (lock)
        (*held)[number] = std::move(*lock);
      else
        held->erase(number);
    }
    if (head) {
      file.head = head;
      file.generation = frame->generation;
      file.first_sequence = frame->sequence;
      generation = frame->generation;
    }
    file.whole = whole;
    file.last_sequence = frame->sequence;
    file.last_checksum = checksum = frame->checksum;
    file.end_bytes = file.bytes.size() - rest.size();
  }
}

bool goes_on(const Content& newer, const Content& older) {
  return older.head && older.whole && newer.first_sequence == older.last_sequence + 1 &&
         newer.head->follows == older.last_checksum;
}

// A file that does not count must not begin to when the other one grows.
Result<void> blank(storage::JournalFiles& files, unsigned which, Content& file) {
  const std::string nothing(std::min<std::size_t>(file.bytes.size(), frame_header_bytes), '\0');
  if (auto done = files.write(which, 0, nothing); !done) return done;
  file.head.reset();
  return files.sync(which);
}

}  // namespace

Result<RecoveredLocks> LockJournal::recover(storage::JournalFiles& files) {
  Content content[2];
  for (unsigned which = 0; which < 2; ++which) {
    if (auto done = files.sync(which); !done) return tl::make_unexpected(done.error());
    auto bytes = files.read(which);
    if (!bytes) return tl::make_unexpected(bytes.error());
    content[which].bytes = std::move(*bytes);
    read_frames(content[which], nullptr);
  }
  RecoveredLocks recovered;
  JournalEnd& end = recovered.end;
  auto begun = [&](unsigned which) { return content[which].head.has_value(); };
  if (!begun(0) && !begun(1)) {
    for (const Content& file : content)
      recovered.unreadable =
          recovered.unreadable || file.bytes.find_first_not_of('\0') != std::string::npos;
    return recovered;
  }
  end.largest_generation = std::max(content[0].generation, content[1].generation);
  unsigned newer = begun(1) && (!begun(0) || content[1].generation > content[0].generation) ? 1 : 0;
  if (!content[newer].whole && !goes_on(content[newer], content[1 - newer])) {
    if (auto done = blank(files, newer, content[newer]); !done)
      return tl::make_unexpected(done.error());
    newer = 1 - newer;
    recovered.unreadable = !begun(newer) || !content[newer].whole;
    if (recovered.unreadable) return recovered;
  }
  Held held;
  if (!content[newer].whole) read_frames(content[1 - newer], &held);
  Content& file = content[newer];
  read_frames(file, &held);
  end.file = newer;
  end.generation = file.generation;
  end.last_sequence = file.last_sequence;
  end.last_checksum = file.last_checksum;
  end.end_bytes = file.end_bytes;
  end.whole = file.whole;
  std::string live;
  for (auto& [number, lock] : held) {
    live.clear();
    put_lock(live, lock);
    end.live_bytes += live.size();
    end.largest_number = number;
    recovered.locks.push_back(std::move(lock));
  }
  return recovered;
}

}  // namespace sluice::broker::locks
