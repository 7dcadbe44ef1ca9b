// A disk that is full, or small: what finds no room is tried once more when room was made, and the
// log keeps to its share.
#include <algorithm>

#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

using testing::DiskCall;

TEST_CASE_METHOD(Fixture, "what finds no room in the tree is tried again once room was made") {
  REQUIRE(start());
  put("a", "1");
  send_put("b", "2");
  send(upload_commit("big", "bytes"));
  send_put("c", "3");
  faults.fail_next(DiskCall::publish_small, 1, Code::no_space);
  faults.fail_next(DiskCall::publish_claimed, 1, Code::no_space);
  probe->drained();
  CHECK(outcome().version == number);
  probe->drained();
  CHECK(probe->unexpected() == 1);
  CHECK(files.rooms_made() == 1);
  CHECK_FALSE(bytes_at("b"));
  serve_checkpoint();
  CHECK(outcome().version == number - 2);
  CHECK(outcome().version == number - 1);
  crash();
  REQUIRE(start());
  CHECK(bytes_at("b") == "2");
  CHECK(bytes_at("big") == "bytes");
  CHECK(bytes_at("c") == "3");
  send_as(change(ChangeKind::none, ""), 2, 0);
  CHECK(outcome().version == 2);
}

TEST_CASE_METHOD(Fixture, "what finds no room twice is refused, and leaves nothing") {
  REQUIRE(start());
  send(upload_commit("big", "bytes"));
  send_put("b", "2");
  faults.fail_next(DiskCall::publish_small, 2, Code::no_space);
  faults.fail_next(DiskCall::publish_claimed, 2, Code::no_space);
  probe->drained();
  serve_checkpoint();
  CHECK(code_of(outcome()) == "no_space");
  CHECK(code_of(outcome()) == "no_space");
  CHECK(storage.litter().empty());
  CHECK_FALSE(publisher->failed());
  CHECK(code_of(put("b", "3")) == "done");
  crash();
  REQUIRE(start());
  CHECK(bytes_at("b") == "3");
  CHECK_FALSE(bytes_at("big"));
}

// Its bytes would lie there until a restart, on a disk that is full already.
TEST_CASE_METHOD(Fixture, "what is refused when it is tried again leaves nothing") {
  REQUIRE(start());
  protocol::Terms terms;
  terms.if_absent = true;
  send(upload_commit("big", "bytes", terms));
  faults.fail_next(DiskCall::publish_claimed, 1, Code::no_space);
  probe->drained();
  CHECK_FALSE(storage.litter().empty());
  storage.plant("big", "by hand");
  serve_checkpoint();
  CHECK(code_of(outcome()) == "exists");
  CHECK(storage.litter().empty());
  CHECK(bytes_at("big") == "by hand");
}

TEST_CASE_METHOD(Fixture, "of what cannot be claimed nothing stays among the claimed") {
  REQUIRE(start());
  const Commit commit = upload_commit("big", "bytes");
  send(commit);
  faults.fail_next(DiskCall::claim, 1, Code::io_error);
  CHECK(code_of(run()) == "io_error");
  CHECK(storage.litter() == std::vector<std::string>{"staging/" + commit.staged});
}

// Then the same log says first that it came to nothing, and that it was made.
TEST_CASE_METHOD(Fixture, "a change that is made after it was revoked is replayed") {
  REQUIRE(start());
  send_put("a", "1");
  send_put("b", "2");
  faults.fail_next(DiskCall::publish_small, 2, Code::no_space);
  faults.fail_next(DiskCall::log_start, 1, Code::no_space);
  probe->drained();
  CHECK(code_of(outcome()) == "no_space");
  CHECK(code_of(outcome()) == "done");
  testing::Random random(5);
  power_loss(random);
  REQUIRE(start());
  CHECK_FALSE(bytes_at("a"));
  CHECK(bytes_at("b") == "2");
}

TEST_CASE_METHOD(Fixture, "a removal goes through where a put in the same batch finds no room") {
  REQUIRE(start());
  put("a", "1");
  send_put("b", "2");
  send(change(ChangeKind::remove, "a"));
  SECTION("in the tree") {
    faults.fail_next(DiskCall::publish_small, 2, Code::no_space);
  }
  SECTION("in the log") {
    faults.fail_next(DiskCall::log_reserve, 2, Code::no_space);
  }
  probe->drained();
  serve_checkpoint();
  std::vector<std::string> codes{code_of(outcome()), code_of(outcome())};
  std::sort(codes.begin(), codes.end());
  CHECK(codes == std::vector<std::string>{"done", "no_space"});
  CHECK_FALSE(bytes_at("a"));
  CHECK_FALSE(bytes_at("b"));
}

TEST_CASE_METHOD(Fixture, "a relaxed put that is tried again is a full one") {
  PublisherConfig config;
  config.durability = Durability::relaxed;
  REQUIRE(start(config));
  send_put("d", "1");
  send_put("e", "2");
  faults.fail_next(DiskCall::publish_small, 1, Code::no_space);
  probe->drained();
  CHECK(code_of(outcome()) == "done");
  serve_checkpoint();
  CHECK(code_of(outcome()) == "done");
  testing::Random random(7);
  power_loss(random);
  REQUIRE(start(config));
  CHECK(bytes_at("d") == "1");
}

// Replay looks for relaxed puts without a record behind the first one of their directory that it
// knows: one with a smaller number must not need that.
TEST_CASE_METHOD(Fixture, "a relaxed put that is logged behind a later one is synced") {
  PublisherConfig config;
  config.durability = Durability::relaxed;
  REQUIRE(start(config));
  protocol::Terms absent;
  absent.if_absent = true;
  const int syncs = log.syncs;
  send_put("a", "1");
  send_put("a", "2", absent);
  send_put("b", "3");
  faults.fail_next(DiskCall::publish_small, 1, Code::overloaded);
  probe->drained();
  CHECK(code_of(outcome()) == "overloaded");
  CHECK(outcome().version == number);
  CHECK(outcome().version == number - 1);
  // The batch, what takes the first back, and the second.
  CHECK(log.syncs == syncs + 3);
}

TEST_CASE_METHOD(Fixture, "on a small disk the log keeps to its share of it") {
  constexpr std::uint64_t share = 40'000;
  files.set_share(share);
  REQUIRE(start());
  const auto log_bytes = [&] {
    std::size_t bytes = 0;
    for (const auto& [generation, content] : files.contents()) bytes += content.size();
    return bytes;
  };
  const std::string bytes(5000, 'x');
  while (files.contents().size() == 1) REQUIRE(code_of(put("a", bytes)) == "done");
  CHECK(log_bytes() < share + 3 * bytes.size());
  int answered = 0;
  probe->intercept = [&](const runtime::Message& message) {
    if (message.header.type != Published::type) return false;
    ++answered;
    return true;
  };
  for (int i = 0; i < 40; ++i) send_put("f" + std::to_string(i), bytes);
  probe->drained();
  // No more is logged until the tree is synced.
  CHECK(answered > 0);
  CHECK(answered < 40);
  CHECK(log_bytes() < 3 * share + 5 * bytes.size());
  for (int i = 0; i < 5 && answered < 40; ++i) serve_checkpoint();
  CHECK(answered == 40);
  crash();
  REQUIRE(start());
  for (int i = 0; i < 40; ++i) CHECK(bytes_at("f" + std::to_string(i)) == bytes);
}

}  // namespace
}  // namespace sluice::tests
