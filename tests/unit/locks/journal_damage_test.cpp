// What a crash leaves of the lock journal is told from damage: nothing that was held is forgotten
// without a word. Read on: journal_test.cpp for what a crash and a power loss may leave.
#include <algorithm>
#include <functional>
#include <string>

#include "broker/locks/lock_journal.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sim_journal.hpp"

namespace sluice::broker::locks {
namespace {

using testing::SimJournal;

JournaledLock lock_of(std::uint64_t number) {
  JournaledLock lock;
  lock.number = number;
  lock.secret = "0123456789abcdef";
  lock.session = 7;
  lock.request_id = number;
  lock.owner = "nightly";
  lock.ttl_ms = 3'600'000;
  lock.claims.push_back({"a/" + std::to_string(number), false, false});
  return lock;
}

RecoveredLocks recover(SimJournal& files, const JournalStart& start = {}) {
  auto recovered = LockJournal::recover(files, start);
  REQUIRE(recovered);
  return std::move(*recovered);
}

// Where each of five locks was written, one frame each, by a server that then went in some way.
struct FiveLocks {
  SimJournal files;
  std::vector<std::size_t> ends;

  explicit FiveLocks(bool stopped) {
    LockJournal journal(files, recover(files).end,
                        [](std::uint64_t) { return std::optional<JournaledLock>(); });
    std::string& bytes = files.contents(0);
    ends.push_back(bytes.size());
    for (std::uint64_t number = 1; number <= 5; ++number) {
      journal.granted(lock_of(number));
      REQUIRE(journal.write());
      ends.push_back(bytes.size());
    }
    if (stopped) REQUIRE(journal.stop());
  }
  void flip(std::size_t at) {
    char& byte = files.contents(0).at(at);
    byte = static_cast<char>(byte ^ 1);
  }
  // Zeros are what lies behind a cut once the file has its size again.
  void cut(std::size_t at) {
    std::string& bytes = files.contents(0);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), '\0');
  }
};

TEST_CASE("a journal that was left in order must be whole") {
  FiveLocks five(true);
  SECTION("it is") {
    const RecoveredLocks recovered = recover(five.files, {true});
    CHECK(recovered.damage == "");
    CHECK(recovered.locks.size() == 5);
  }
  SECTION("a flipped byte, anywhere") {
    const std::size_t size = five.files.contents(0).size();
    for (std::size_t at = 0; at < size; ++at) {
      INFO("byte " << at);
      FiveLocks again(true);
      again.flip(at);
      const RecoveredLocks recovered = recover(again.files, {true});
      REQUIRE(recovered.damage.find("journal 0 cannot be read from byte ") == 0);
      const std::size_t frame = static_cast<std::size_t>(
          std::upper_bound(again.ends.begin(), again.ends.end(), at) - again.ends.begin());
      // All but the one that it is in.
      REQUIRE(recovered.locks.size() == (frame == 0 ? 5 : 4));
      REQUIRE(again.files.contents(0).size() == size);
    }
  }
  SECTION("cut behind any of them") {
    for (std::size_t left = 0; left < 5; ++left) {
      FiveLocks again(true);
      again.cut(again.ends[left]);
      const RecoveredLocks recovered = recover(again.files);
      CHECK(recovered.damage.find("journal 0 cannot be read from byte ") == 0);
      CHECK(recovered.locks.size() == left);
    }
  }
  SECTION("zeros or other bytes alone") {
    std::string& bytes = five.files.contents(0);
    bytes.assign(bytes.size(), GENERATE('\0', '\xff'));
    CHECK(recover(five.files).damage == "journal 0 cannot be read from byte 0 on");
  }
  SECTION("gone") {
    REQUIRE(five.files.reserve(1, 100));
    recover(five.files);
    const unsigned which = GENERATE(0u, 1u);
    five.files.remove(which);
    CHECK(recover(five.files).damage == "journal " + std::to_string(which) + " is missing");
  }
  SECTION("without a mark") {
    five.files.remove(mark_file);
    CHECK(recover(five.files, {true}).damage == "journal 2 is missing or damaged");
  }
  SECTION("all of them gone") {
    for (const unsigned which : {0u, 1u, mark_file}) five.files.remove(which);
    CHECK(recover(five.files, {true}).damage == "journal 2 is missing or damaged");
    CHECK(recover(five.files, {false}).damage == "");
  }
}

TEST_CASE("after a kill a torn end is none, a later frame tells of damage") {
  FiveLocks five(false);
  const std::size_t fourth = five.ends[4];
  SECTION("the last write is torn") {
    five.cut(fourth + 20);
    const RecoveredLocks recovered = recover(five.files);
    CHECK(recovered.damage == "");
    CHECK(recovered.locks.size() == 4);
  }
  SECTION("any byte in front of that") {
    for (std::size_t at = 0; at < fourth; ++at) {
      FiveLocks again(false);
      again.flip(at);
      INFO("byte " << at);
      REQUIRE(recover(again.files).damage != "");
    }
  }
}

TEST_CASE("after a power loss what was not synced may be missing anywhere") {
  FiveLocks five(false);
  five.files.reboot();
  five.flip(five.ends[1] + 30);
  RecoveredLocks recovered = recover(five.files);
  CHECK(recovered.damage == "");
  CHECK(recovered.locks.size() == 1);
  // What lay behind it is not taken for damage later.
  recovered = recover(five.files);
  CHECK(recovered.damage == "");
  SECTION("but what a server has begun with was synced") {
    five.files.reboot();
    five.flip(five.ends[0] + 30);
    CHECK(recover(five.files).damage == "journal 0 cannot be read from byte 38 on");
  }
}

TEST_CASE("frames whose head was lost with the power are not taken for damage later") {
  FiveLocks five(false);
  SimJournal other;
  JournalEnd end;
  end.largest_generation = 1;
  LockJournal journal(other, end, [](std::uint64_t) { return std::optional<JournaledLock>(); });
  for (std::uint64_t number = 6; number <= 8; ++number) {
    journal.granted(lock_of(number));
    REQUIRE(journal.write());
  }
  five.files.contents(1) = other.contents(0).replace(0, 38, 38, '\0');
  SECTION("after a kill they are damage") {
    CHECK(recover(five.files).damage == "journal 1 cannot be read from byte 0 on");
  }
  SECTION("after a power loss not, nor later") {
    five.files.reboot();
    for (int start = 0; start < 2; ++start) {
      const RecoveredLocks recovered = recover(five.files);
      CHECK(recovered.damage == "");
      CHECK(recovered.locks.size() == 5);
    }
  }
}

TEST_CASE("a damaged journal can be gone on with, after a wait") {
  FiveLocks five(true);
  five.flip(five.ends[1] + 30);
  const std::string before = five.files.contents(0);
  const RecoveredLocks damaged = recover(five.files, {true});
  const JournalStart start{true, false, 1'000'000, 10'000};
  auto repaired = LockJournal::repair(five.files, damaged, start);
  REQUIRE(repaired);
  CHECK(repaired->damage == "");
  CHECK(repaired->guard);
  CHECK(repaired->locks == damaged.locks);
  CHECK(repaired->locks.size() == 4);
  CHECK(five.files.copy(0) == before);
  // A later start finds nothing wrong with it.
  const RecoveredLocks later = recover(five.files, {true, false, 1'020'000, 10'000});
  CHECK(later.damage == "");
  CHECK_FALSE(later.guard);
  CHECK(later.locks == damaged.locks);
}

TEST_CASE("a mark that is being written leaves the one before") {
  FiveLocks five(true);
  std::string& marks = five.files.contents(mark_file);
  const auto newest = find_mark(marks);
  REQUIRE(newest);
  CHECK(newest->stopped);
  const std::size_t slot = newest->count % 2 * 512;
  for (std::size_t at = slot; at < std::min(slot + 28, marks.size()); ++at) {
    std::string torn = marks;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    const auto before = find_mark(torn);
    REQUIRE(before);
    CHECK(before->count + 1 == newest->count);
    CHECK_FALSE(before->stopped);
  }
}

}  // namespace
}  // namespace sluice::broker::locks
