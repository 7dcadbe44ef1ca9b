// Checkpoints: when they are made, what they drop, and the directories that wait for them.
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

TEST_CASE_METHOD(Fixture, "a log that has grown is checkpointed while work goes on") {
  PublisherConfig config;
  config.checkpoint_bytes = 2000;
  const auto recovered = start(config);
  REQUIRE(recovered);
  while (files.contents().size() == 1) CHECK(code_of(put("a", std::string(300, 'x'))) == "done");
  CHECK(put("b", "during").version == number);
  CHECK(code_of(put("c", std::string(3000, 'y'))) == "done");
  CHECK(files.contents().size() == 2);  // no second one is begun
  serve_checkpoint();
  CHECK(publisher->counters().checkpoints == 1);
  CHECK(files.contents().size() == 1);
  CHECK(files.contents().begin()->first == recovered->generation + 1);
  crash();
  REQUIRE(start());
  CHECK(bytes_at("b") == "during");
  send_as(change(ChangeKind::none, ""), 1, 0);
  CHECK(outcome().version == 1);  // carried over by the segment's head
}

TEST_CASE_METHOD(Fixture, "a log with anything in it is checkpointed after a while") {
  REQUIRE(start());
  CHECK(publisher->next_tick() == runtime::never);
  put("a", "1");
  probe->advance(runtime::Time(29'999));
  probe->expect_silence();
  probe->advance(runtime::Time(1));
  serve_checkpoint();
  CHECK(publisher->next_tick() == runtime::never);
}

// The kernel reports what it could not write once; a second try would succeed, and the log go.
TEST_CASE_METHOD(Fixture, "a tree that could not be synced stops all changes, and keeps the log") {
  REQUIRE(start());
  put("a", "1");
  probe->advance(runtime::Time(30'000));
  faults.fail_next(testing::DiskCall::sync_tree, 1, Code::io_error);
  serve_checkpoint();
  CHECK(files.contents().size() == 2);
  CHECK(publisher->failed());
  CHECK(code_of(put("b", "2")) == "log_failed");
  probe->advance(runtime::Time(60'000));
  probe->expect_silence();
  testing::Random random(3);
  storage.power_loss(random);
  files.power_loss(random);
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == "1");
  CHECK_FALSE(bytes_at("b"));
  CHECK(code_of(put("b", "2")) == "done");
}

TEST_CASE_METHOD(Fixture, "a new segment that finds no room does not stop the server") {
  REQUIRE(start());
  put("a", "1");
  SECTION("when it is started") {
    faults.fail_next(testing::DiskCall::log_start, 1, Code::no_space);
  }
  SECTION("when its head is written") {
    faults.fail_next(testing::DiskCall::log_append, 1, Code::no_space);
  }
  probe->advance(runtime::Time(30'000));
  probe->expect_silence();
  CHECK(code_of(put("b", "2")) == "done");
  probe->advance(runtime::Time(30'000));
  serve_checkpoint();
  CHECK(files.contents().size() == 1);
  put("c", "3");
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == "1");
  CHECK(bytes_at("c") == "3");
}

TEST_CASE_METHOD(Fixture, "a checkpoint asked for is answered when it is done") {
  const runtime::Peer asker{Port::broker, {}};
  REQUIRE(start());
  probe->tell(asker, protocol::Checkpoint{});
  CHECK(probe->expect<protocol::CheckpointReply>(asker).body.ok);
  send_put("a", "1");
  probe->tell(asker, protocol::Checkpoint{}, 5);
  CHECK(code_of(outcome()) == "done");
  put("b", "2");
  probe->tell(asker, protocol::Checkpoint{}, 6);
  CHECK(probe->unexpected() == 1);
  serve_checkpoint();
  CHECK(probe->expect<protocol::CheckpointReply>(asker).message.header.request_id == 5);
  faults.fail_next(testing::DiskCall::sync_tree, 1, Code::io_error);
  serve_checkpoint();
  const auto last = probe->expect<protocol::CheckpointReply>(asker);
  CHECK(last.message.header.request_id == 6);
  CHECK_FALSE(last.body.ok);
  // What was replaced before the first may be written over, and no more than that.
  CHECK(storage.syncs_told() == 1);
  CHECK_FALSE(storage.misused());
}

TEST_CASE_METHOD(Fixture, "the first change of a log may move a directory at once") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  CHECK(code_of(rename("d", "e")) == "done");
  probe->expect_silence();
  CHECK(bytes_at("e/a") == "1");
}

TEST_CASE_METHOD(Fixture, "a directory moves only once the log is empty; later commits wait") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  send_put("d/b", "2");
  send(change(ChangeKind::rename, "d", "e"));
  send_put("e/c", "3");
  probe->drained();
  CHECK(code_of(outcome()) == "done");
  CHECK(storage.directories() == std::vector<std::string>{"d"});
  CHECK(probe->unexpected() == 1);
  probe->drained();
  CHECK(probe->unexpected() == 1);
  serve_checkpoint();
  CHECK(code_of(outcome()) == "done");
  CHECK(code_of(outcome()) == "done");
  CHECK(bytes_at("e/b") == "2");
  CHECK(bytes_at("e/c") == "3");
  const auto contents = files.contents();
  REQUIRE(contents.size() == 1);
  std::vector<RecordKind> kinds;
  for (const auto& read : read_records(contents.begin()->second, contents.begin()->first))
    kinds.push_back(read.record.kind);
  CHECK(kinds == std::vector<RecordKind>{RecordKind::outcomes, RecordKind::head,
                                         RecordKind::dropped, RecordKind::rename_directory,
                                         RecordKind::put_small});
}

TEST_CASE_METHOD(Fixture, "a directory waits for a checkpoint under way and then for its own") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  put("x", "1");
  probe->advance(runtime::Time(30'000));
  put("y", "2");
  send(change(ChangeKind::rename, "d", "e"));
  probe->drained();
  serve_checkpoint();
  CHECK(storage.directories() == std::vector<std::string>{"d"});
  serve_checkpoint();
  CHECK(code_of(outcome()) == "done");
  CHECK(storage.directories() == std::vector<std::string>{"e"});
}

TEST_CASE_METHOD(Fixture, "a directory whose checkpoint fails is refused, and all that follows") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  put("x", "1");
  Commit commit = change(ChangeKind::remove, "d");
  commit.recursive = true;
  send(commit);
  send_put("y", "2");
  probe->drained();
  faults.fail_next(testing::DiskCall::sync_tree, 1, Code::io_error);
  serve_checkpoint();
  CHECK(code_of(outcome()) == "log_failed");
  CHECK(code_of(outcome()) == "log_failed");
  CHECK(bytes_at("d/a") == "1");
}

TEST_CASE_METHOD(Fixture, "a directory that is refused anyway needs no checkpoint") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  put("x", "1");
  CHECK(code_of(remove("d")) == "not_empty");
  CHECK(code_of(rename("d", "x")) == "not_directory");
  probe->expect_silence();
}

TEST_CASE_METHOD(Fixture,
                 "a directory is made anew where one was removed only after a checkpoint") {
  storage.plant("d/a", "1");
  REQUIRE(start());
  CHECK(remove("d", true).trash);
  send(change(ChangeKind::make_directory, "d"));
  probe->drained();
  serve_checkpoint();
  CHECK(code_of(outcome()) == "done");
  CHECK(code_of(put("d/b", "2")) == "done");
  probe->expect_silence();
}

}  // namespace
}  // namespace sluice::tests
