// Batches: one sync for many commits, nothing seen before it, order, repeats, and what fails.
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

TEST_CASE_METHOD(Fixture, "a batch of commits takes one append and one sync") {
  REQUIRE(start());
  const int syncs = log.syncs;
  const int appends = log.appends;
  for (int i = 0; i < 20; ++i) send_put("f" + std::to_string(i), "x");
  probe->expect_silence();
  bool seen = false;
  log.at_sync = [&] { seen = seen || !storage.files().empty(); };
  probe->drained();
  CHECK_FALSE(seen);
  CHECK(log.syncs == syncs + 1);
  CHECK(log.appends == appends + 1);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    const auto published = probe->expect<Published>(locks);
    CHECK(code_of(published.body) == "done");
    CHECK(published.body.version == i);
    CHECK(published.message.header.request_id == i);
    CHECK(published.message.stamp.job == i + 1000);
    CHECK(version_at("f" + std::to_string(i - 1)) == i);
  }
  CHECK(storage.litter().empty());
  CHECK(publisher->counters().batches == 1);
  CHECK(publisher->counters().commits == 20);
  CHECK(publisher->counters().largest_batch == 20);
}

TEST_CASE_METHOD(Fixture, "a full batch does not wait for more") {
  PublisherConfig config;
  config.batch_commits = 3;
  REQUIRE(start(config));
  send_put("a", "1");
  send_put("b", "2");
  probe->expect_silence();
  send_put("c", "3");
  CHECK(probe->unexpected() == 3);
}

TEST_CASE_METHOD(Fixture, "a batch is bounded in bytes too") {
  PublisherConfig config;
  config.batch_bytes = 1000;
  REQUIRE(start(config));
  for (int i = 0; i < 4; ++i) send_put("f" + std::to_string(i), std::string(600, 'x'));
  probe->drained();
  CHECK(probe->unexpected() == 4);
  CHECK(publisher->counters().batches == 2);
}

TEST_CASE_METHOD(Fixture, "a repeated request yields the first outcome") {
  REQUIRE(start());
  const auto commit = put_commit("a", "one");
  send_as(commit, 1, 1, protocol::Payload::of("one"));
  CHECK(run().version == 1);
  CHECK(put("a", "two").version == 1);  // the same request id: the fixture's first
  request = 5;
  number = 5;
  CHECK(put("a", "three").version == 6);
  send_as(commit, 1, 7, protocol::Payload::of("one"));
  CHECK(run().version == 1);
  CHECK(bytes_at("a") == "three");
}

TEST_CASE_METHOD(Fixture, "two attempts at one request in one batch make one change") {
  REQUIRE(start());
  Commit commit = change(ChangeKind::make_directory, "d");
  send_as(commit, 1, 1);
  send_as(commit, 1, 2);
  probe->drained();
  CHECK(outcome().version == 1);
  const auto second = outcome();
  CHECK(code_of(second) == "done");
  CHECK(second.version == 1);
}

TEST_CASE_METHOD(Fixture, "a refusal is remembered") {
  REQUIRE(start());
  const Commit commit = change(ChangeKind::remove, "a");
  send_as(commit, 1, 1);
  CHECK(code_of(run()) == "not_found");
  storage.plant("a", "by hand");
  send_as(commit, 1, 2);
  CHECK(code_of(run()) == "not_found");
}

TEST_CASE_METHOD(Fixture, "number 0 and kind none ask for the outcome only") {
  REQUIRE(start());
  const Commit commit = change(ChangeKind::make_directory, "d");
  send_as(commit, 1, 0);
  const auto none = outcome();
  CHECK(none.code == 0);
  CHECK(none.version == 0);
  send_as(commit, 1, 3);
  send_as(commit, 1, 0);  // after the commit that is on its way
  CHECK(run().version == 3);
  CHECK(outcome().version == 3);
  send_as(change(ChangeKind::none, ""), 1, 9);
  CHECK(outcome().version == 3);
  CHECK(storage.directories() == std::vector<std::string>{"d"});
}

TEST_CASE_METHOD(Fixture, "numbers are reserved with a sync before the answer") {
  const auto recovered = start();
  REQUIRE(recovered);
  const int syncs = log.syncs;
  probe->tell(locks, protocol::ReserveNumbers{recovered->reserved_up_to + 10});
  CHECK(probe->expect<protocol::ReserveNumbersReply>(locks).body.up_to ==
        recovered->reserved_up_to + 10);
  CHECK(log.syncs == syncs + 1);
  probe->tell(locks, protocol::ReserveNumbers{5});
  CHECK(probe->expect<protocol::ReserveNumbersReply>(locks).body.up_to ==
        recovered->reserved_up_to + 10);
  CHECK(log.syncs == syncs + 1);
  const std::uint64_t reserved = recovered->reserved_up_to + 10;
  crash();
  const auto again = start();
  REQUIRE(again);
  CHECK(again->first_number == reserved + 1);
  CHECK(again->epoch == recovered->epoch + 1);
}

TEST_CASE_METHOD(Fixture, "a log that cannot grow is made smaller, and all is tried again") {
  REQUIRE(start());
  put("old", "1");
  send(upload_commit("big", "bytes"));
  send_put("a", "1");
  protocol::Terms absent;
  absent.if_absent = true;
  send_put("a", "2", absent);
  faults.fail_next(testing::DiskCall::log_append, 1, Code::no_space);
  probe->drained();
  CHECK(files.rooms_made() == 1);
  serve_checkpoint();
  CHECK(code_of(outcome()) == "done");
  CHECK(code_of(outcome()) == "done");
  CHECK(code_of(outcome()) == "exists");
  CHECK(bytes_at("big") == "bytes");
  CHECK(bytes_at("a") == "1");
  CHECK_FALSE(publisher->failed());
  for (const std::string& left : storage.litter()) CHECK(left.rfind("claimed/", 0) != 0);
  CHECK(code_of(put("a", "3")) == "done");
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == "3");
  CHECK(bytes_at("old") == "1");
}

TEST_CASE_METHOD(Fixture, "a log that cannot grow nor be made smaller refuses, and goes on") {
  REQUIRE(start());
  SECTION("there is nothing in it") {
    send_put("a", "1");
    send_put("b", "1");
    // The batch, and then each alone.
    faults.fail_next(testing::DiskCall::log_append, 3, Code::no_space);
  }
  SECTION("there is no room for the next segment") {
    put("old", "1");
    send_put("a", "1");
    send_put("b", "1");
    // The batch, the next segment's head, and the second one alone.
    faults.fail_next(testing::DiskCall::log_append, 3, Code::no_space);
  }
  probe->drained();
  CHECK(code_of(outcome()) == "no_space");
  CHECK(code_of(outcome()) == "no_space");
  CHECK(code_of(put("a", "2")) == "done");
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == "2");
  CHECK_FALSE(bytes_at("b"));
}

TEST_CASE_METHOD(Fixture, "after a failed sync nothing is changed any more") {
  REQUIRE(start());
  put("a", "1");
  send_put("b", "2");
  send(upload_commit("big", "bytes"));
  faults.fail_next(testing::DiskCall::log_sync, 1, Code::io_error);
  probe->drained();
  for (int logged = 0; logged < 2; ++logged) {
    const auto failed = outcome();
    CHECK(code_of(failed) == "log_failed");
    CHECK(failed.may_come_about());
  }
  CHECK(publisher->failed());
  CHECK_FALSE(bytes_at("b"));
  const auto refused = put("c", "3");
  CHECK(code_of(refused) == "log_failed");
  CHECK_FALSE(refused.may_come_about());
  send_as(change(ChangeKind::none, ""), 1, 0);
  CHECK(outcome().version == 1);
  probe->tell(locks, protocol::ReserveNumbers{~0ull});
  CHECK(probe->expect<protocol::ReserveNumbersReply>(locks).body.up_to < ~0ull);
  probe->advance(runtime::Time(100'000));
  probe->expect_silence();
  CHECK_FALSE(files.misused());
  crash();
  REQUIRE(start());
  CHECK(bytes_at("b") == "2");  // it was in the log: either is right, but bytes must not be lost
  CHECK(bytes_at("big") == "bytes");
}

TEST_CASE_METHOD(Fixture, "a change that fails after it was logged stops all changes") {
  REQUIRE(start());
  send_put("a", "1");
  send_put("b", "2");
  faults.fail_next(testing::DiskCall::publish_small, 1, Code::io_error);
  probe->drained();
  CHECK(code_of(outcome()) == "log_failed");
  CHECK(code_of(outcome()) == "log_failed");
  CHECK(publisher->failed());
  crash();
  REQUIRE(start());
  CHECK(bytes_at("a") == "1");
  CHECK(bytes_at("b") == "2");
}

TEST_CASE_METHOD(Fixture, "a change that the tree refuses after it was logged is revoked") {
  REQUIRE(start());
  storage.plant("d/x", "by hand");
  const int syncs = log.syncs;
  send_put("d/a", "1");
  send_put("b", "2");
  bool once = false;
  log.at_sync = [&] {
    if (!std::exchange(once, true)) REQUIRE(storage.remove("d", true));
  };
  probe->drained();
  log.at_sync = [] {};
  CHECK(code_of(outcome()) == "not_found");
  CHECK(code_of(outcome()) == "done");
  CHECK(log.syncs == syncs + 2);
  CHECK_FALSE(publisher->failed());
  crash();
  REQUIRE(start());
  CHECK_FALSE(bytes_at("d/a"));
  CHECK(bytes_at("b") == "2");
  send_as(change(ChangeKind::none, ""), 1, 0);
  CHECK(outcome().version == 0);
  send_as(change(ChangeKind::none, ""), 2, 0);
  CHECK(outcome().version == 2);
}

TEST_CASE_METHOD(Fixture, "what rests on a revoked change is weighed again or comes to nothing") {
  REQUIRE(start());
  REQUIRE(put("a", "1").code == 0);
  faults.fail_next(testing::DiskCall::remove, 1, Code::overloaded);
  send(change(ChangeKind::remove, "a"));
  send(change(ChangeKind::remove, "a"));
  protocol::Terms if_absent;
  if_absent.if_absent = true;
  send_put("a", "2", if_absent);
  send_put("b", "3");
  probe->drained();
  CHECK(code_of(outcome()) == "overloaded");
  CHECK(code_of(outcome()) == "overloaded");
  CHECK(code_of(outcome()) == "done");
  CHECK(bytes_at("b") == "3");
  // The second removal found `a` after all.
  CHECK(code_of(outcome()) == "done");
  CHECK_FALSE(bytes_at("a"));
  crash();
  REQUIRE(start());
  CHECK_FALSE(bytes_at("a"));
  CHECK(bytes_at("b") == "3");
}

TEST_CASE_METHOD(Fixture, "relaxed: answered before the sync, which comes soon after") {
  PublisherConfig config;
  config.durability = Durability::relaxed;
  REQUIRE(start(config));
  // The first one in its directory is synced, so that replay knows where to look.
  CHECK(code_of(put("first", "0")) == "done");
  const int syncs = log.syncs;
  CHECK(code_of(put("a", "1")) == "done");
  CHECK(code_of(put("b", "2")) == "done");
  CHECK(log.syncs == syncs);
  CHECK(publisher->next_tick() == probe->now() + runtime::Time(50));
  probe->advance(runtime::Time(49));
  CHECK(log.syncs == syncs);
  probe->advance(runtime::Time(1));
  CHECK(log.syncs == syncs + 1);
  CHECK(publisher->next_tick() > probe->now() + runtime::Time(50));
  probe->tell(locks, protocol::ReserveNumbers{5'000'000});
  CHECK(log.syncs == syncs + 2);
}

TEST_CASE_METHOD(Fixture, "what is no commit is refused") {
  REQUIRE(start());
  send(change(static_cast<ChangeKind>(99), "a"));
  CHECK(code_of(run()) == "bad_message");
  Commit commit = put_commit("a", "four");
  send(commit, protocol::Payload::of("five5"));
  CHECK(code_of(run()) == "bad_message");
  send(change(ChangeKind::remove, ""));
  CHECK(code_of(run()) == "bad_path");
  send(change(ChangeKind::remove, ".sluice/log"));
  CHECK(code_of(run()) == "bad_path");
  runtime::Message junk = runtime::make_message(locks, Publish{}, 77);
  junk.body = "junk";
  probe->tell(std::move(junk));
  CHECK(code_of(outcome()) == "bad_message");
  probe->tell(locks, protocol::Ping{});
  probe->expect_error(locks, Code::unknown_type);
}

}  // namespace
}  // namespace sluice::tests
