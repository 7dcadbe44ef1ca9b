// Relaxed puts: what they leave out, what they must not, and what a power loss makes of them.
#include "tests/support/catch.hpp"
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

protocol::Terms relaxed() {
  protocol::Terms terms;
  terms.durability = Durability::relaxed;
  return terms;
}

struct Relaxed : Fixture {
  Relaxed() {
    REQUIRE(start());
    REQUIRE(code_of(put("first", "0", relaxed())) == "done");
    syncs = log.syncs;
  }
  int syncs = 0;
  /// An upload whose bytes nobody has synced, as a worker hands it over.
  Commit unsynced_commit(const std::string& path, const std::string& bytes) {
    Commit commit = change(ChangeKind::put, path);
    commit.terms = relaxed();
    commit.unsynced = true;
    commit.preserve.mode = 0644;
    commit.staged = storage::upload_name(session, "unsynced" + std::to_string(request + 1));
    commit.size_bytes = bytes.size();
    const std::string leaves = protocol::leaves_of(bytes);
    commit.root = protocol::root_of(leaves);
    REQUIRE(storage.begin_upload(commit.staged, bytes.size()));
    REQUIRE(storage.write_upload(commit.staged, 0, bytes, leaves, true));
    REQUIRE(
        storage.finish_upload(commit.staged, {bytes.size(), commit.root}, commit.preserve, true));
    return commit;
  }
  Published put_unsynced(const std::string& path, const std::string& bytes) {
    send(unsynced_commit(path, bytes));
    return run();
  }
};

TEST_CASE_METHOD(Relaxed, "a relaxed put of something new waits for no sync") {
  CHECK(code_of(put("a", "1", relaxed())) == "done");
  CHECK(bytes_at("a") == "1");
  CHECK(log.syncs == syncs);
  CHECK(publisher->next_tick() == probe->now() + runtime::Time(50));
  probe->advance(runtime::Time(50));
  CHECK(log.syncs == syncs + 1);
}

TEST_CASE_METHOD(Relaxed, "a relaxed put that replaces something is full") {
  REQUIRE(code_of(put("a", "1", relaxed())) == "done");
  CHECK(code_of(put("a", "2", relaxed())) == "done");
  CHECK(log.syncs == syncs + 1);
}

TEST_CASE_METHOD(Relaxed, "on a relaxed server a full put is synced, and so is a removal") {
  PublisherConfig config;
  config.durability = Durability::relaxed;
  crash();
  REQUIRE(start(config));
  REQUIRE(code_of(put("b", "1")) == "done");
  syncs = log.syncs;
  REQUIRE(code_of(put("c", "1")) == "done");
  CHECK(log.syncs == syncs);
  protocol::Terms full;
  full.durability = Durability::full;
  REQUIRE(code_of(put("d", "1", full)) == "done");
  CHECK(log.syncs == syncs + 1);
  REQUIRE(code_of(remove("d")) == "done");
  CHECK(log.syncs == syncs + 2);
}

TEST_CASE_METHOD(Relaxed, "the first one in a directory is synced, and once more in each segment") {
  REQUIRE(code_of(make_directory("d")) == "done");
  syncs = log.syncs;
  REQUIRE(code_of(put("d/a", "1", relaxed())) == "done");
  CHECK(log.syncs == syncs + 1);
  REQUIRE(code_of(put("d/b", "1", relaxed())) == "done");
  CHECK(log.syncs == syncs + 1);
  probe->tell(locks, protocol::Checkpoint{});
  probe->expect<protocol::Checkpoint>(checkpointer);
  syncs = log.syncs;
  REQUIRE(code_of(put("d/c", "1", relaxed())) == "done");
  CHECK(log.syncs == syncs + 1);
}

TEST_CASE("a power loss leaves relaxed puts whole or not at all, and nothing else is touched") {
  unsigned gone = 0;
  unsigned kept = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    Relaxed room;
    const std::string large(200'000, 'x');
    REQUIRE(code_of(room.put("old", "old")) == "done");
    REQUIRE(code_of(room.put_unsynced("large", large)) == "done");
    REQUIRE(code_of(room.put("old", "new", relaxed())) == "done");
    REQUIRE(code_of(room.put("small", "small", relaxed())) == "done");
    testing::Random random(seed);
    room.power_loss(random);
    REQUIRE(room.start());
    CHECK(room.notes.empty());
    CHECK(room.bytes_at("first") == "0");
    CHECK(room.bytes_at("old") == "new");
    for (const auto& [path, bytes] :
         {std::pair<std::string, std::string>{"large", large}, {"small", "small"}}) {
      const auto there = room.bytes_at(path);
      ++(there ? kept : gone);
      if (there) CHECK(*there == bytes);
    }
    // Gone for good: what was removed does not come back.
    room.power_loss(random);
    REQUIRE(room.start());
    CHECK(room.bytes_at("old") == "new");
  }
  CHECK(gone > 20);
  CHECK(kept > 20);
}

TEST_CASE("a lost put has no outcome that its repeat could find") {
  unsigned lost = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    Relaxed room;
    const Published made = room.put_unsynced("large", std::string(200'000, 'x'));
    REQUIRE(code_of(made) == "done");
    // With the log synced, and the bytes not.
    if (seed % 2 == 0) room.probe->advance(runtime::Time(50));
    testing::Random random(seed);
    room.power_loss(random);
    REQUIRE(room.start());
    const bool there = room.bytes_at("large").has_value();
    lost += there ? 0 : 1;
    room.send_as({}, room.request, 0);
    CHECK(room.outcome().version == (there ? made.version : 0));
  }
  CHECK(lost > 5);
}

TEST_CASE("renamed bytes are durable, and what they replaced is not lost with them") {
  for (unsigned seed = 0; seed < 100; ++seed) {
    Relaxed room;
    const std::string bytes(200'000, 'x');
    REQUIRE(code_of(room.put("final", "old")) == "done");
    REQUIRE(code_of(room.put_unsynced("part", bytes)) == "done");
    REQUIRE(code_of(room.rename("part", "final")) == "done");
    testing::Random random(seed);
    room.power_loss(random);
    REQUIRE(room.start());
    CHECK(room.bytes_at("final") == bytes);
  }
}

TEST_CASE("bytes that a worker left unsynced are synced where the put has to be full") {
  for (unsigned seed = 0; seed < 100; ++seed) {
    Relaxed room;
    const std::string bytes(200'000, 'x');
    const Commit commit = room.unsynced_commit("a", bytes);
    // Between the worker's look and the publisher's.
    REQUIRE(code_of(room.put("a", "old")) == "done");
    room.send(commit);
    REQUIRE(code_of(room.run()) == "done");
    testing::Random random(seed);
    room.power_loss(random);
    REQUIRE(room.start());
    CHECK(room.bytes_at("a") == bytes);
  }
}

TEST_CASE_METHOD(Relaxed, "a file that cannot be synced for its rename stops all changes") {
  const std::string bytes(200'000, 'x');
  REQUIRE(code_of(put_unsynced("a", bytes)) == "done");
  faults.fail_next(testing::DiskCall::finish_upload, 1, Code::io_error);
  CHECK(code_of(rename("a", "b")) == "log_failed");
  CHECK(code_of(put("c", "1")) == "log_failed");
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == bytes);
  CHECK_FALSE(bytes_at("b"));
}

}  // namespace
}  // namespace sluice::tests
