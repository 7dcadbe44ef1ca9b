// The lock journal over files in memory: what it must give back after kills, power losses, failed
// writes and changes of the file, checked against a model.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "broker/locks/lock_journal.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sim_journal.hpp"

namespace sluice::broker::locks {
namespace {

using protocol::Code;
using testing::below;
using testing::chance;
using testing::DiskCall;
using testing::Random;
using testing::SimFaults;
using testing::SimJournal;

using Locks = std::map<std::uint64_t, JournaledLock>;

JournaledLock lock_of(std::uint64_t number, std::uint32_t version = 0) {
  JournaledLock lock;
  lock.number = number;
  lock.secret = "0123456789abcdef";
  lock.session = 0xfedcba9876543210 + number;
  lock.holder = "somebody";
  if (number % 3 == 0) lock.owner = "nightly", lock.expires_at_ms = 1'800'000'000'000 + version;
  lock.ttl_ms = 10'000 + version;
  lock.lease_ms = 5'000;
  lock.claims.push_back({"a/" + std::to_string(number), number % 2 == 0, version % 2 == 1});
  if (number % 5 == 0) lock.claims.push_back({"", true, true});
  return lock;
}

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(protocol::sentence(result.error()));
  return std::move(*result);
}

Locks by_number(const RecoveredLocks& recovered) {
  Locks locks;
  for (const JournaledLock& lock : recovered.locks) locks[lock.number] = lock;
  return locks;
}

// A lock actor that only keeps books.
struct Service {
  SimFaults faults;
  SimJournal files{&faults};
  Locks held;
  std::unique_ptr<LockJournal> journal;
  LockJournal::Sizes sizes;
  std::uint64_t next_number = 1;

  explicit Service(LockJournal::Sizes wanted = {}) : sizes(wanted) { start(); }

  void start() {
    const RecoveredLocks recovered = must(LockJournal::recover(files));
    REQUIRE(recovered.damage == "");
    held = by_number(recovered);
    journal = std::make_unique<LockJournal>(
        files, recovered.end,
        [this](std::uint64_t after) -> std::optional<JournaledLock> {
          const auto next = held.upper_bound(after);
          if (next == held.end()) return std::nullopt;
          return next->second;
        },
        sizes);
  }
  std::uint64_t grant() {
    const std::uint64_t number = next_number++;
    journal->granted(held[number] = lock_of(number));
    return number;
  }
  void end(std::uint64_t number) {
    held.erase(number);
    journal->ended(number);
  }
  void sync() {
    const std::uint64_t position = journal->position();
    // Not within the macro, which would take a kill for a failure.
    const auto done = journal->sync_files();
    REQUIRE(done);
    journal->synced(position);
  }
};

TEST_CASE("locks come back as they were journaled") {
  Service service;
  CHECK(service.held.empty());
  CHECK(must(LockJournal::recover(service.files)).damage == "");
  CHECK_FALSE(service.journal->gathered());
  for (int i = 0; i < 20; ++i) service.grant();
  CHECK(service.journal->gathered());
  const std::uint64_t first = must(service.journal->write());
  CHECK_FALSE(service.journal->gathered());
  CHECK(must(service.journal->write()) == first);
  service.end(3);
  service.journal->granted(service.held[4] = lock_of(4, 7));
  CHECK(must(service.journal->write()) > first);
  const Locks held = service.held;
  for (int restart = 0; restart < 3; ++restart) {
    service.start();
    CHECK(service.held == held);
  }
  service.end(5);
  must(service.journal->write());
  service.start();
  CHECK(service.held.size() == held.size() - 1);
}

TEST_CASE("a failed write counts for nothing, and what ended is written with the next") {
  Service service;
  const std::uint64_t first = service.grant();
  must(service.journal->write());
  const Code code = GENERATE(Code::io_error, Code::no_space);
  service.end(first);
  for (int i = 0; i < 5; ++i) service.grant();
  // More than once: without room the other file is tried too.
  service.faults.fail_next(DiskCall::journal_write, 3, code);
  CHECK_FALSE(service.journal->write());
  service.faults.clear();
  for (std::uint64_t taken_back = first + 1; taken_back <= first + 5; ++taken_back)
    service.held.erase(taken_back);
  CHECK(service.journal->gathered());
  SECTION("nothing of it is there") {
    CHECK(by_number(must(LockJournal::recover(service.files))) == Locks{{first, lock_of(first)}});
  }
  SECTION("the next write goes in its place") {
    const std::uint64_t next = service.grant();
    must(service.journal->write());
    service.start();
    CHECK(service.held == Locks{{next, lock_of(next)}});
  }
  SECTION("the end of a lock alone") {
    must(service.journal->write());
    service.start();
    CHECK(service.held.empty());
  }
}

TEST_CASE("a sync that failed is never tried again") {
  Service service;
  service.grant();
  must(service.journal->write());
  service.faults.fail_next(DiskCall::journal_sync, 1, Code::io_error);
  CHECK_FALSE(service.journal->sync_files());
  CHECK_FALSE(service.journal->sync_files());
}

TEST_CASE("the files change places while locks come and go, and stay short") {
  Service service({4096, 7});
  Random random(1);
  std::size_t copies_complete = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (service.held.size() < 50 || chance(random, 50))
      service.grant();
    else
      service.end(std::next(service.held.begin(),
                            static_cast<std::ptrdiff_t>(below(random, service.held.size())))
                      ->first);
    if (chance(random, 50)) must(service.journal->write());
    if (!service.journal->wants_sync()) continue;
    ++copies_complete;
    service.sync();
    CHECK_FALSE(service.journal->wants_sync());
  }
  must(service.journal->write());
  CHECK(copies_complete > 20);
  CHECK(service.files.contents(0).size() < 200'000);
  CHECK(service.files.contents(1).size() < 200'000);
  const Locks held = service.held;
  service.start();
  CHECK(service.held == held);
}

TEST_CASE("without a sync the files do not change places a second time") {
  Service service({4096, 1000});
  for (int i = 0; i < 2000; ++i) {
    service.end(service.grant());
    must(service.journal->write());
  }
  CHECK(service.journal->wants_sync());
  CHECK(service.files.contents(1).size() > 50'000);
  service.sync();
  service.grant();
  must(service.journal->write());
  // Now it begins file 0 anew.
  CHECK(service.journal->wants_sync());
  const Locks held = service.held;
  service.start();
  CHECK(service.held == held);
}

TEST_CASE("a full disk refuses, and compaction makes use of the other file") {
  Service service({1u << 20, 16});
  service.files.limit(1u << 20);
  // Both files have room for 300 KB.
  REQUIRE(service.files.reserve(0, 300'000));
  REQUIRE(service.files.reserve(1, 300'000));
  service.files.limit(600'000);
  for (int i = 0; i < 10; ++i) service.grant();
  must(service.journal->write());
  // Locks that come and go for ever fit.
  for (int i = 0; i < 20'000; ++i) {
    service.end(service.grant());
    must(service.journal->write());
    if (service.journal->wants_sync()) service.sync();
  }
  // Locks that stay do not.
  Result<std::uint64_t> last = 0;
  for (int i = 0; i < 10'000 && last; ++i) {
    const std::uint64_t number = service.grant();
    last = service.journal->write();
    if (!last) service.held.erase(number);
    if (service.journal->wants_sync()) service.sync();
  }
  REQUIRE_FALSE(last);
  CHECK(last.error().code == Code::no_space);
  service.end(service.held.begin()->first);
  (void)service.journal->write();
  service.files.limit(2u << 20);
  service.grant();
  must(service.journal->write());
  const Locks held = service.held;
  service.start();
  CHECK(service.held == held);
}

// What may be found after a power loss: the state after some write, not before the last synced one.
struct History {
  /// States after each write, the first of them synced.
  std::deque<Locks> states{Locks{}};

  void wrote(const Locks& held) { states.push_back(held); }
  void synced(std::size_t upto) {
    states.erase(states.begin(), states.begin() + static_cast<std::ptrdiff_t>(upto));
  }
  bool knows(const Locks& found) const {
    return std::find(states.begin(), states.end(), found) != states.end();
  }
};

void happen(Service& service, Random& random) {
  for (std::uint64_t events = 1 + below(random, 4); events > 0; --events) {
    const std::uint64_t what = below(random, 10);
    if (service.held.empty() || what < (service.held.size() < 30 ? 6u : 3u)) {
      service.grant();
      continue;
    }
    const auto one = std::next(service.held.begin(),
                               static_cast<std::ptrdiff_t>(below(random, service.held.size())));
    if (what == 9)
      service.journal->granted(one->second =
                                   lock_of(one->first, static_cast<std::uint32_t>(random() % 999)));
    else
      service.end(one->first);
  }
}

// Whole or not: after a failed write new grants are taken back, terms told of anew.
void take_back(Service& service, const Locks& before) {
  for (auto at = service.held.begin(); at != service.held.end();) {
    const auto old = before.find(at->first);
    if (old == before.end()) {
      at = service.held.erase(at);
      continue;
    }
    at->second = old->second;
    ++at;
  }
}

void run_history(std::uint64_t seed) {
  Random random(seed);
  Service service({200 + below(random, 3000), 1 + below(random, 8)});
  History history;
  for (int lives = 0; lives < 12; ++lives) {
    std::optional<Locks> in_write;
    service.faults.clear();
    service.faults.kill_after(1 + below(random, 120));
    try {
      if (lives > 0) service.start();
      for (int batch = 0; batch < 60; ++batch) {
        const Locks before = service.held;
        happen(service, random);
        if (chance(random, 5)) service.faults.fail_next(DiskCall::journal_write, 1, Code::io_error);
        in_write = service.held;
        if (service.journal->write())
          history.wrote(service.held);
        else
          take_back(service, before);
        in_write.reset();
        if (chance(random, 15) || (service.journal->wants_sync() && chance(random, 50))) {
          service.sync();
          history.synced(history.states.size() - 1);
        }
      }
    } catch (const testing::Killed&) {
      service.journal.reset();
    }
    if (in_write) history.wrote(*in_write);
    service.faults.clear();
    const bool power = chance(random, 60);
    if (power) service.files.power_loss(random);
    service.files.crash();
    // A recovery may itself be cut short; what it was about to act on must be found again.
    const RecoveredLocks recovered = must(LockJournal::recover(service.files));
    const Locks found = by_number(recovered);
    INFO("seed " << seed << ", life " << lives << (power ? ", power loss" : ", kill"));
    REQUIRE(recovered.damage == "");
    REQUIRE(history.knows(found));
    if (!power) {
      const bool last = found == history.states.back();
      REQUIRE((last || (in_write && found == history.states[history.states.size() - 2])));
    }
    history.states = {found};
    service.held = found;
  }
}

TEST_CASE("nothing synced is lost and nothing ended comes back, whenever it is cut short") {
  // Builds that are several times slower (scripts/check) run fewer of them.
  const std::uint64_t seeds = std::getenv("SLUICE_TEST_SLOWNESS") == nullptr ? 300 : 100;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run_history(seed);
}

}  // namespace
}  // namespace sluice::broker::locks
