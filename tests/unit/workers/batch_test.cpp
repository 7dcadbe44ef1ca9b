// Batches: many small files in one message, each a change of its own; and what the broker's thread
// reads itself.
#include "protocol/messages/batches.hpp"
#include "tests/unit/workers/worker_room.hpp"
#include "workers/cached_reader.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::ChangeKind;
using protocol::GetMany;
using protocol::GetManyReply;
using protocol::PutMany;
using protocol::PutManyReply;
namespace limits = protocol::limits;

namespace {

protocol::PutFile file(const std::string& name, const std::string& bytes) {
  return {name, bytes.size(), root_of(bytes), {}};
}

std::uint16_t number(Code code) {
  return static_cast<std::uint16_t>(code);
}

// Files "a" and "b" in "d", as batch 20.
void put_two(WorkerRoom& room, std::uint16_t attempt = 0) {
  room.ask(PutMany{"d", {file("a", "first"), file("b", "second!")}, {}}, 20,
           {"firstsecond!", 0, attempt});
}

}  // namespace

TEST_CASE("each file of a batch is committed by itself, under an id of its own", "[batches]") {
  WorkerRoom room;
  room.join();
  PutMany batch{"d", {file("a", "first"), file("b", "second!")}, {}};
  batch.files[1].preserve = {0600, 77};
  batch.terms = {"1-2", 0, {}, true};
  room.ask(batch, 20, {"firstsecond!"});
  const auto first = room.committed(20), second = room.committed(21);
  CHECK(first.body.kind == ChangeKind::put);
  CHECK(first.body.path == "d/a");
  CHECK(first.body.small);
  CHECK(first.body.terms.token == "1-2");
  CHECK(first.message.payload.text() == "first");
  CHECK(second.body.path == "d/b");
  CHECK(second.body.root == root_of("second!"));
  CHECK(second.body.preserve.mode == 0600);
  CHECK(second.body.preserve.mtime_ns == 77);
  CHECK(second.body.terms.if_absent);
  CHECK(second.message.payload.text() == "second!");
  CHECK(first.message.stamp.job != second.message.stamp.job);
  room.outcome(second.message, 9);
  room.probe.expect_silence();
  room.outcome(first.message, 8);
  const auto reply = room.answered<PutManyReply>(20).body;
  REQUIRE(reply.outcomes.size() == 2);
  CHECK(reply.outcomes[0].version == 8);
  CHECK(reply.outcomes[1].version == 9);
  room.probe.expect_silence();
}

TEST_CASE("what fails of a batch is told, and the rest goes on", "[batches]") {
  WorkerRoom room;
  room.join();
  PutMany batch{"", {file("../x", "1"), file("a", "2"), file("b", "3"), file("c", "4")}, {}};
  batch.files[1].root = root_of("something else");
  room.ask(batch, 20, {"1234"});
  // The first outcome of an earlier attempt would count.
  const auto question = room.committed(21);
  CHECK(question.body.kind == ChangeKind::none);
  const auto refused = room.committed(22), stored = room.committed(23);
  room.outcome(question.message, 0);
  room.failed(refused.message, Code::locked);
  room.outcome(stored.message, 5);
  const auto reply = room.answered<PutManyReply>(20).body;
  REQUIRE(reply.outcomes.size() == 4);
  CHECK(reply.outcomes[0].code == number(Code::bad_path));
  CHECK(reply.outcomes[1].code == number(Code::digest_mismatch));
  CHECK(reply.outcomes[2].code == number(Code::locked));
  CHECK(reply.outcomes[2].path == "where");
  CHECK(reply.outcomes[2].detail == "why");
  CHECK(reply.outcomes[3].code == 0);
  CHECK(reply.outcomes[3].version == 5);
}

TEST_CASE("a batch that fails at great length is answered in one body", "[batches]") {
  WorkerRoom room;
  room.join();
  std::string directory;
  while (directory.size() < 3'700) directory += std::string(200, 'd') + "/";
  directory.pop_back();
  PutMany batch{directory, {}, {}};
  for (std::size_t i = 0; i < limits::batch_files; ++i)
    batch.files.push_back(file(std::string(100, 'f') + std::to_string(i), ""));
  room.ask(batch, 20);
  protocol::CommitReply failed;
  failed.code = number(Code::locked);
  failed.detail = std::string(300, 'w');
  const bool own = GENERATE(true, false);
  for (std::size_t i = 0; i < batch.files.size(); ++i) {
    const auto commit = room.committed(20 + i);
    failed.path = own ? commit.body.path : directory;
    room.probe.answer(commit.message, failed);
  }
  const auto answered = room.answered<PutManyReply>(20);
  CHECK(answered.message.body.size() <= limits::body_bytes);
  REQUIRE(answered.body.outcomes.size() == batch.files.size());
  CHECK(answered.body.outcomes[0].path == (own ? "" : directory));
  for (const auto& outcome : answered.body.outcomes) CHECK(outcome.code == failed.code);
  CHECK(answered.body.outcomes.back().path.empty());
}

TEST_CASE("a batch without anything to commit is answered at once", "[batches]") {
  WorkerRoom room;
  room.join();
  room.ask(PutMany{}, 1);
  CHECK(room.answered<PutManyReply>(1).body.outcomes.empty());
  room.ask(PutMany{"..", {file("a", "1"), file("b", "2")}, {}}, 2, {"12"});
  CHECK(room.answered<PutManyReply>(2).body.outcomes.size() == 2);
  room.probe.expect_silence();
}

TEST_CASE(
    "a batch given again is answered with the outcomes of the first attempt, where there are some",
    "[batches]") {
  WorkerRoom room;
  room.join();
  put_two(room, 1);
  const auto first = room.committed(20, 1), second = room.committed(21, 1);
  protocol::CommitReply remembered;
  remembered.version = 4;
  remembered.remembered = true;
  room.probe.answer(first.message, remembered);
  room.outcome(second.message, 6);
  const auto reply = room.answered<PutManyReply>(20, 1).body;
  CHECK(reply.outcomes[0].version == 4);
  CHECK(reply.outcomes[1].version == 6);
}

TEST_CASE("a worker that is welcomed anew has dropped its batches", "[batches]") {
  WorkerRoom room;
  room.join();
  put_two(room);
  const auto first = room.committed(20), second = room.committed(21);
  room.welcome(2);
  room.joined();
  room.outcome(first.message, 8);
  room.outcome(second.message, 9);
  room.probe.expect_silence();
}

TEST_CASE("batches that cannot be are refused as a whole", "[batches]") {
  WorkerRoom room;
  room.join();
  room.ask(PutMany{"", {file("a", "12")}, {}}, 1, {"1"});
  room.ask(PutMany{"", {file("a", "1")}, {}}, 2, {"12"});
  room.ask(PutMany{"", std::vector(limits::batch_files + 1, file("a", "")), {}}, 3);
  PutMany waits{"", {file("a", "1")}, {}};
  waits.terms.wait_ms = 1;
  room.ask(waits, 4, {"1"});
  PutMany conditional{"", {file("a", "1")}, {}};
  conditional.terms.if_version = 1;
  room.ask(conditional, 5, {"1"});
  room.ask(GetMany{"", std::vector<std::string>(limits::batch_files + 1, "a")}, 6);
  for (std::uint64_t id = 1; id <= 6; ++id) room.refused(Code::bad_message, id);
  room.probe.expect_silence();
}

TEST_CASE("many files come in one answer, those that do not with a reason", "[batches]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("d/a", "first");
  room.disk.plant("d/empty", "");
  room.disk.plant("d/b", "second");
  room.disk.plant("d/large", std::string(40, 'x'));
  room.ask(GetMany{"d", {"a", "none", "empty", "large", "../a", "b"}}, 7, {"", 20});
  const auto reply = room.answered<GetManyReply>(7);
  CHECK(reply.message.payload.text() == "firstsecond");
  const auto& got = reply.body.got;
  REQUIRE(got.size() == 6);
  CHECK(got[0].code == 0);
  CHECK(got[0].attributes.size_bytes == 5);
  CHECK(got[1].code == number(Code::not_found));
  CHECK(got[2].code == 0);
  CHECK(got[2].attributes.size_bytes == 0);
  CHECK(got[3].code == number(Code::too_large));
  CHECK(got[4].code == number(Code::bad_path));
  CHECK(got[5].code == 0);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("files beyond the credit are to be got by themselves", "[batches]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("a", "12345");
  room.disk.plant("b", "12345");
  room.ask(GetMany{"", {"a", "b"}}, 7, {"", 9});
  const auto reply = room.answered<GetManyReply>(7);
  CHECK(reply.body.got[0].code == 0);
  CHECK(reply.body.got[1].code == number(Code::too_large));
  CHECK(reply.message.payload.text() == "12345");
}

namespace {

class ReaderRoom {
 public:
  std::optional<Message> get(const std::string& path, std::uint32_t credit_bytes = 100,
                             Time now = Time{5}) {
    Message message = runtime::make_message({Port::clients, "ann"}, protocol::Get{path}, 7);
    message.header.credit_bytes = credit_bytes;
    return reader.answer(message, now);
  }
  // Every second time the disk in memory is cold.
  std::optional<Message> get_warm(const std::string& path, std::uint32_t credit_bytes = 100,
                                  Time now = Time{5}) {
    if (auto reply = get(path, credit_bytes, now)) return reply;
    return get(path, credit_bytes, now);
  }

  testing::SimStorage disk;
  testing::SimSmallFiles files{disk};
  workers::CachedReader reader{files};
};

}  // namespace

TEST_CASE("a small file in memory is answered as by a worker", "[cached]") {
  ReaderRoom room;
  room.disk.plant("a", "bytes");
  const auto reply = room.get_warm("a");
  REQUIRE(reply);
  CHECK(reply->peer == Peer{Port::clients, "ann"});
  CHECK(reply->header.type == protocol::Type::get_reply);
  CHECK(reply->header.request_id == 7);
  CHECK(reply->payload.text() == "bytes");
  const auto body = protocol::decode<protocol::GetReply>(reply->body);
  REQUIRE(body);
  CHECK(body->attributes.size_bytes == 5);
  CHECK(body->snapshot.empty());
}

TEST_CASE("what is not in memory, not small or not a file is left to a worker", "[cached]") {
  ReaderRoom room;
  room.disk.plant("d/a", "bytes");
  const bool first = room.get("d/a").has_value();
  CHECK(first != room.get("d/a").has_value());
  CHECK_FALSE(room.get_warm("d/a", 4));
  CHECK_FALSE(room.get_warm("d"));
  CHECK_FALSE(room.get_warm(""));
  CHECK_FALSE(room.get_warm("none"));
  CHECK_FALSE(room.get_warm("../a"));
  Message bad = runtime::make_message({Port::clients, "ann"}, protocol::Ping{}, 7);
  bad.body = "\x81\x01";
  CHECK_FALSE(room.reader.answer(bad, Time{5}));
  CHECK(room.disk.litter().empty());
}

TEST_CASE("reads hold up the thread for so many bytes at a time", "[cached]") {
  ReaderRoom room;
  constexpr std::size_t size = 32u << 10;
  room.disk.plant("a", bytes_of(size));
  room.disk.plant("large", bytes_of(workers::CachedReader::most_bytes + 1));
  CHECK_FALSE(room.get_warm("large", limits::small_file_bytes));
  std::size_t answered = 0;
  for (int i = 0; i < 100; ++i)
    if (room.get("a", limits::small_file_bytes, Time{5})) ++answered;
  CHECK(answered == (1u << 20) / size);
  CHECK(room.get_warm("a", limits::small_file_bytes, Time{6}));
}
