// Recovery of the lock journal: takes any bytes in both files. Besides the input as it is, its
// frames are read with their checksums made right, so that mutations get past them.
#include <algorithm>

#include "broker/locks/lock_journal.hpp"
#include "broker/record_frame.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/sim_journal.hpp"

using namespace sluice;
using broker::locks::JournaledLock;
using broker::locks::JournalMark;
using broker::locks::LockJournal;

namespace {

JournaledLock lock_of(std::uint64_t number) {
  JournaledLock lock;
  lock.number = number;
  lock.secret = "0123456789abcdef";
  lock.session = 7;
  lock.holder = "somebody";
  lock.owner = "nightly";
  lock.claims = {{"a/b", false, true}, {"", true, false}};
  return lock;
}

std::string with_right_checksums(std::string_view bytes) {
  std::string right;
  std::uint64_t checksum = 0;
  while (bytes.size() >= broker::frame_header_bytes) {
    std::string_view header = bytes;
    const std::size_t length = broker::take_integer(header, 4) + 4 + 8;
    if (length < broker::frame_header_bytes || length > bytes.size()) break;
    std::string frame(bytes.substr(0, length));
    header.remove_prefix(8);
    const std::uint64_t generation = broker::take_integer(header, 8);
    const std::uint64_t sequence = broker::take_integer(header, 8);
    checksum = broker::finish_frame(frame, 0, generation, sequence, checksum);
    right += frame;
    bytes.remove_prefix(length);
  }
  return right;
}

enum class Mark : std::uint8_t { none, served, stopped };

// As a server has left it.
std::string mark_of(Mark how, testing::SimJournal& files) {
  if (how == Mark::none) return {};
  JournalMark mark;
  mark.sequence = 3;
  mark.stopped = how == Mark::stopped;
  mark.boot = files.boot();
  (void)write_mark(files, mark);
  return files.contents(broker::locks::mark_file);
}

void recover(std::string_view first, std::string_view second, Mark how) {
  testing::SimJournal files;
  files.contents(0) = first;
  files.contents(1) = second;
  files.contents(broker::locks::mark_file) = mark_of(how, files);
  auto recovered = LockJournal::recover(files);
  fuzz::require(recovered.has_value(), "bytes are no error");
  if (!recovered->damage.empty()) {
    const auto locks = recovered->locks;
    recovered = LockJournal::repair(files, *recovered, {});
    fuzz::require(recovered && recovered->damage.empty(), "damage can be repaired");
    fuzz::require(recovered->locks == locks, "what could be read is held");
  }
  const auto again = LockJournal::recover(files);
  fuzz::require(again && again->locks == recovered->locks, "recovery can be done again");
  LockJournal journal(files, recovered->end, [&](std::uint64_t after) {
    for (const JournaledLock& lock : recovered->locks)
      if (lock.number > after) return std::optional(lock);
    return std::optional<JournaledLock>();
  });
  const std::uint64_t number = 0x123456789abcdef0;
  journal.granted(lock_of(number));
  fuzz::require(journal.write().has_value(), "it can be written to");
  const auto after = LockJournal::recover(files);
  const bool found = after && std::any_of(after->locks.begin(), after->locks.end(),
                                          [](const auto& lock) { return lock.number == number; });
  fuzz::require(found, "what is written then is found");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  testing::SimJournal files;
  std::vector<std::string> seeds{""};
  LockJournal journal(files, {}, [](std::uint64_t) { return std::optional(lock_of(2)); });
  for (std::uint64_t number = 1; number < 5; ++number) {
    journal.granted(lock_of(number));
    if (number > 1) journal.ended(number - 1);
    if (journal.write()) seeds.push_back(files.contents(0));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::size_t half = bytes.size() / 2;
  const std::string right = with_right_checksums(bytes);
  for (const Mark how : {Mark::none, Mark::served, Mark::stopped}) {
    recover(bytes, {}, how);
    recover(right, {}, how);
    recover(with_right_checksums(bytes.substr(0, half)), with_right_checksums(bytes.substr(half)),
            how);
  }
  return 0;
}
