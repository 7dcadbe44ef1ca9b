// Replay: each kind of change, lost before, in and after the tree; interrupted; and a log that is
// damaged.
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

/// Does the same many times with another power loss each time.
template <class Before, class After>
void many_power_losses(const Before& before, const After& after) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Fixture fixture;
    fixture.storage.plant("hand", "by hand");
    fixture.storage.plant("d/hand", "in d");
    REQUIRE(fixture.start());
    before(fixture);
    testing::Random random(seed);
    fixture.power_loss(random);
    REQUIRE(fixture.start());
    after(fixture);
    CHECK(fixture.notes.empty());
    fixture.crash();
    REQUIRE(fixture.start());
    after(fixture);
  }
}

TEST_CASE("replay: an empty root") {
  Fixture fixture;
  const auto first = fixture.start();
  REQUIRE(first);
  CHECK(first->epoch == 1);
  CHECK(first->first_number == 1);
  CHECK(first->reserved_up_to == protocol::limits::number_reserve);
  fixture.crash();
  const auto second = fixture.start();
  REQUIRE(second);
  CHECK(second->epoch == 2);
  CHECK(second->first_number == first->reserved_up_to + 1);
  CHECK(second->generation > first->generation);
  CHECK(second->changes == 0);
}

TEST_CASE("replay: small and large puts") {
  many_power_losses(
      [](Fixture& f) {
        f.put("a", "old");
        f.upload("big", "large");
        f.put("hand", "over");
        CHECK(f.put("a", "new").version == 4);
        f.upload("big2", "first");
        f.upload("big2", "second");
      },
      [](Fixture& f) {
        CHECK(f.bytes_at("a") == "new");
        CHECK(f.version_at("a") == 4);
        CHECK(f.bytes_at("big") == "large");
        CHECK(f.version_at("big") == 2);
        CHECK(f.bytes_at("hand") == "over");
        CHECK(f.bytes_at("big2") == "second");
        for (const std::string& left : f.storage.litter()) CHECK(left.rfind("claimed/", 0) != 0);
      });
}

TEST_CASE("replay: what was removed does not come back") {
  many_power_losses(
      [](Fixture& f) {
        f.put("a", "1");
        f.remove("a");
        f.remove("hand");
        f.upload("big", "large");
        f.remove("big");
        f.put("d/hand", "over");
        f.remove("d/hand");
      },
      [](Fixture& f) { CHECK(f.storage.files().empty()); });
}

TEST_CASE("replay: chains of renames, and a swap") {
  many_power_losses(
      [](Fixture& f) {
        f.upload("big", "large");
        f.put("small", "little");
        f.rename("hand", "t");
        f.rename("d/hand", "hand");
        f.rename("t", "d/hand");
        f.rename("big", "d/big");
        f.rename("small", "big");
        f.rename("d/big", "small");
        f.put("t", "new");
      },
      [](Fixture& f) {
        CHECK(f.bytes_at("hand") == "in d");
        CHECK(f.bytes_at("d/hand") == "by hand");
        CHECK(f.version_at("d/hand") == 0);
        CHECK(f.bytes_at("small") == "large");
        CHECK(f.version_at("small") == 1);
        CHECK(f.bytes_at("big") == "little");
        CHECK(f.version_at("big") == 2);
        CHECK(f.bytes_at("t") == "new");
        CHECK(f.storage.files().size() == 5);
      });
}

TEST_CASE("replay: directories and attributes") {
  many_power_losses(
      [](Fixture& f) {
        Commit commit = Fixture::change(ChangeKind::make_directory, "x/y");
        commit.parents = true;
        commit.missing_parents = {"x"};
        commit.preserve.mode = 0700;
        f.send(commit);
        f.run();
        f.put("x/y/a", "1");
        commit = Fixture::change(ChangeKind::set_attributes, "x/y/a");
        commit.preserve.mode = 0600;
        f.send(commit);
        f.run();
        commit.path = "hand";
        f.send(commit);
        f.run();
        f.rename("hand", "x/hand");
        commit.path = "d";
        commit.preserve.mode = 0711;
        commit.preserve.mtime_ns = 5;
        f.send(commit);
        f.run();
        f.put("f", "1");
        f.remove("f");
        f.make_directory("f");
      },
      [](Fixture& f) {
        const auto mode = [&](const std::string& path) {
          return f.storage.stat(path)->attributes.mode;
        };
        CHECK(mode("x") == 0755);
        CHECK(mode("x/y") == 0700);
        CHECK(mode("x/y/a") == 0600);
        CHECK(mode("x/hand") == 0600);
        CHECK(mode("d") == 0711);
        CHECK(f.storage.stat("d")->attributes.mtime_ns == 5);
        CHECK(f.bytes_at("x/hand") == "by hand");
        CHECK(f.storage.directories() == std::vector<std::string>{"d", "f", "x", "x/y"});
      });
}

TEST_CASE("replay: a renamed directory, and another one made in its place") {
  many_power_losses(
      [](Fixture& f) {
        f.rename("d", "e");
        f.rename("e/hand", "e/moved");
        f.put("e/new", "1");
        f.make_directory("d");
        f.put("d/hand", "other");
      },
      [](Fixture& f) {
        CHECK(f.bytes_at("e/moved") == "in d");
        CHECK(f.bytes_at("e/new") == "1");
        CHECK(f.bytes_at("d/hand") == "other");
        CHECK(f.storage.files().size() == 4);
      });
}

TEST_CASE("replay: a removed directory") {
  many_power_losses(
      [](Fixture& f) {
        f.remove("d", true);
        f.put("d2", "1");
        f.put("d", "a file now");
      },
      [](Fixture& f) {
        CHECK(f.storage.directories().empty());
        CHECK(f.bytes_at("d") == "a file now");
      });
}

TEST_CASE("replay: outcomes are remembered over it") {
  many_power_losses([](Fixture& f) { f.put("a", "1"); },
                    [](Fixture& f) {
                      f.send_as(Fixture::change(ChangeKind::remove, "a"), 1, 99);
                      CHECK(f.run().version == 1);
                      CHECK(f.bytes_at("a") == "1");
                    });
}

TEST_CASE_METHOD(Fixture, "replay: a file whose directory was made by hand and lost") {
  REQUIRE(start());
  REQUIRE(storage.make_directory("made", {}));
  put("made/a", "1");
  upload("made/b", "2");
  for (std::uint64_t seed = 1; bytes_at("made/a"); ++seed) {
    REQUIRE(seed < 50);
    testing::Random random(seed);
    auto copy = storage;
    copy.power_loss(random);
    if (copy.directories().empty()) storage = copy;
  }
  crash();
  REQUIRE(start());
  CHECK(bytes_at("made/a") == "1");
  CHECK(bytes_at("made/b") == "2");
}

TEST_CASE_METHOD(Fixture, "replay: what was put in the way by hand is noted and left") {
  REQUIRE(start());
  put("a", "1");
  upload("b", "2");
  make_directory("c");
  REQUIRE(storage.remove("a", false));
  REQUIRE(storage.remove("b", false));
  REQUIRE(storage.remove("c", false));
  REQUIRE(storage.make_directory("a", {}));
  storage.plant("c", "a file");
  crash();
  REQUIRE(start());
  CHECK(notes.size() == 3);
  CHECK(storage.directories() == std::vector<std::string>{"a"});
  CHECK(bytes_at("c") == "a file");
}

TEST_CASE_METHOD(Fixture, "replay: a log with a hole is refused") {
  PublisherConfig config;
  config.checkpoint_bytes = 500;
  REQUIRE(start(config));
  for (int i = 0; i < 3; ++i) put("a" + std::to_string(i), std::string(300, 'x'));
  const auto contents = files.contents();
  REQUIRE(contents.size() == 2);
  const auto first = contents.begin()->first;
  SECTION("in an older segment") {
    std::string bytes = contents.begin()->second;
    bytes[bytes.size() / 2] ^= 1;
    files.replace(first, bytes);
  }
  SECTION("where an older segment was") {
    files.replace(first, "");
  }
  crash();
  const auto refused = start();
  REQUIRE_FALSE(refused);
  CHECK(name(refused.error().code) == "damaged");
  CHECK_FALSE(refused.error().detail.empty());
}

TEST_CASE_METHOD(Fixture, "replay: a segment that was dropped and comes back is not read") {
  REQUIRE(start());
  put("a", "1");
  const auto before = files.contents();
  const runtime::Peer asker{Port::broker, {}};
  probe->tell(asker, protocol::Checkpoint{});
  serve_checkpoint();
  CHECK(probe->expect<protocol::CheckpointReply>(asker).body.ok);
  put("b", "2");
  REQUIRE(storage.remove("a", false));  // by hand: shows whether the old log is read
  crash();
  std::string bytes = before.begin()->second;
  SECTION("whole") {}
  SECTION("in part") {
    bytes.resize(bytes.size() - 1);
  }
  files.replace(before.begin()->first, bytes);
  REQUIRE(start());
  CHECK_FALSE(bytes_at("a"));
  CHECK(bytes_at("b") == "2");
}

TEST_CASE_METHOD(Fixture, "replay: disk errors are told and do no harm") {
  REQUIRE(start());
  put("a", "1");
  storage.plant("h", "2");
  rename("h", "i");
  crash();
  using testing::DiskCall;
  for (const DiskCall call : {DiskCall::log_segments, DiskCall::log_read, DiskCall::stat,
                              DiskCall::stat_claimed, DiskCall::restore, DiskCall::sync_tree,
                              DiskCall::log_start, DiskCall::log_append, DiskCall::log_sync}) {
    INFO("call " << static_cast<int>(call));
    faults.fail_next(call, 1, Code::io_error);
    const auto refused = start();
    REQUIRE_FALSE(refused);
    CHECK(name(refused.error().code) == "io_error");
    testing::Random random(1);
    power_loss(random);
  }
  REQUIRE(start());
  CHECK(bytes_at("a") == "1");
  CHECK(bytes_at("i") == "2");
}

}  // namespace
}  // namespace sluice::tests
