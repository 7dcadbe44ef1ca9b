// The worker and its commits: from a request to the answer, what waits, what is refused.
#include "tests/unit/workers/worker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::ChangeKind;
using protocol::Put;
using protocol::PutReply;

namespace {

const std::string hello = "hello";

void put(WorkerRoom& room, std::uint64_t id = 1, std::uint16_t attempt = 0) {
  room.ask(Put{"a", root_of(hello), {}, {}}, id, {hello, 0, attempt});
}

}  // namespace

TEST_CASE("a put is committed with its bytes, and answered with its version", "[worker]") {
  WorkerRoom room;
  room.join();
  Put body{"d/a", root_of(hello), {}, {}};
  body.preserve = {0600, 77};
  body.terms = {"1-2", 30, 4, true};
  room.ask(body, 7, {hello});
  const auto commit = room.committed(7);
  CHECK(commit.body.kind == ChangeKind::put);
  CHECK(commit.body.path == "d/a");
  CHECK(commit.body.staged.empty());
  CHECK(commit.body.size_bytes == 5);
  CHECK(commit.body.root == root_of(hello));
  CHECK(commit.body.small);
  CHECK(commit.body.preserve.mode == 0600);
  CHECK(commit.body.preserve.mtime_ns == 77);
  CHECK(commit.body.terms.token == "1-2");
  CHECK(commit.body.terms.wait_ms == 30);
  CHECK(commit.body.terms.if_version == 4);
  CHECK(commit.body.terms.if_absent);
  CHECK(commit.message.payload.text() == hello);
  room.probe.expect_silence();
  room.outcome(commit.message, 12);
  CHECK(room.answered<PutReply>(7).body.version == 12);
  room.probe.expect_silence();
}

TEST_CASE("other jobs go on while a commit is under way, and answers find theirs", "[worker]") {
  WorkerRoom room;
  room.join();
  put(room, 1);
  put(room, 2);
  const auto first = room.committed(1), second = room.committed(2);
  CHECK(first.message.stamp.job != second.message.stamp.job);
  room.disk.plant("b", "");
  room.ask(protocol::Stat{"b"}, 3);
  room.answered<protocol::StatReply>(3);
  room.outcome(second.message, 6);
  CHECK(room.answered<PutReply>(2).body.version == 6);
  room.outcome(first.message, 7);
  CHECK(room.answered<PutReply>(1).body.version == 7);
  // Twice the same outcome is once too often.
  room.outcome(first.message, 7);
  room.probe.expect_silence();
}

TEST_CASE("each change is answered under its own type", "[worker]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("f", hello);
  room.upload(hello);
  const auto finish = [&](std::uint64_t id) { room.outcome(room.committed(id).message, id); };
  room.ask(protocol::WriteCommit{{upload_id}, "a", 5, root_of(hello), {}, {}}, 1);
  finish(1);
  room.answered<protocol::WriteCommitReply>(1);
  room.ask(protocol::Remove{"a", true, {}}, 2);
  finish(2);
  room.answered<protocol::RemoveReply>(2);
  room.ask(protocol::Rename{"a", "b", {}}, 3);
  finish(3);
  room.answered<protocol::RenameReply>(3);
  room.ask(protocol::Copy{"f", "b", {}}, 4);
  finish(4);
  room.answered<protocol::CopyReply>(4);
  room.ask(protocol::MakeDirectory{"d", false, {}, {}}, 5);
  finish(5);
  room.answered<protocol::MakeDirectoryReply>(5);
  room.ask(protocol::SetAttributes{"f", {0600, {}}, {}}, 6);
  finish(6);
  CHECK(room.answered<protocol::SetAttributesReply>(6).body.version == 6);
  room.probe.expect_silence();
}

TEST_CASE("a commit that waits gives the job's slot back", "[worker]") {
  WorkerRoom room;
  room.join();
  put(room, 1, 2);
  const auto commit = room.committed(1, 2);
  room.probe.answer(commit.message, protocol::CommitWaiting{});
  room.answered<protocol::JobParked>(1, 2);
  room.outcome(commit.message, 9);
  CHECK(room.answered<PutReply>(1, 2).body.version == 9);
}

TEST_CASE("a refused commit is the answer", "[worker]") {
  WorkerRoom room;
  room.join();
  put(room);
  const auto commit = room.committed();
  room.failed(commit.message, Code::locked);
  const auto error = room.refused(Code::locked);
  CHECK(error.path == "where");
  CHECK(error.detail == "why");
}

TEST_CASE("a refused copy leaves nothing in staging", "[worker]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("f", hello);
  room.ask(protocol::Copy{"f", "g", {}});
  const auto commit = room.committed();
  CHECK(room.staged(commit.body.staged));
  room.failed(commit.message, Code::condition_failed);
  room.refused(Code::condition_failed);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("a refused upload stays, to be committed again", "[worker]") {
  WorkerRoom room;
  room.join();
  room.upload(hello);
  for (std::uint16_t attempt = 0; attempt < 2; ++attempt) {
    room.ask(protocol::WriteCommit{{upload_id}, "a", 5, root_of(hello), {}, {}}, 1,
             {{}, 0, attempt});
    const auto commit = room.committed(1, attempt);
    CHECK(commit.body.staged == storage::upload_name(session, upload_id));
    room.failed(commit.message, Code::locked);
    room.refused(Code::locked, 1, attempt);
    CHECK(room.staged(commit.body.staged));
  }
}

TEST_CASE("what a later attempt staged in vain goes, as the first one has happened", "[worker]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("f", hello);
  room.ask(protocol::Copy{"f", "g", {}}, 1, {{}, 0, 1});
  const auto commit = room.committed(1, 1);
  CHECK(commit.body.staged == storage::request_name(session, 1, 1));
  CHECK(room.staged(commit.body.staged));
  room.outcome(commit.message, 3);
  CHECK(room.answered<protocol::CopyReply>(1, 1).body.version == 3);
  CHECK_FALSE(room.staged(commit.body.staged));
}

TEST_CASE("a change that fails here asks for its first outcome, then counts", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::WriteCommit{{upload_id}, "a", 5, root_of(hello), {}, {}}, 3);
  room.refused_without_outcome(Code::unknown_upload, 3);
  room.disk.plant("f", hello);
  room.faults.fail_next(DiskCall::stage_copy, 1, Code::no_space);
  room.ask(protocol::Copy{"f", "b", {}}, 4);
  room.refused_without_outcome(Code::no_space, 4);
  room.ask(protocol::Copy{"missing", "b", {}}, 5);
  room.refused_without_outcome(Code::not_found, 5);
  room.probe.expect_silence();
}

TEST_CASE("a repeat that fails here because it has happened yields the first outcome", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::WriteCommit{{upload_id}, "a", 5, root_of(hello), {}, {}}, 3, {{}, 0, 1});
  room.outcome(room.committed(3, 1).message, 8);
  CHECK(room.answered<protocol::WriteCommitReply>(3, 1).body.version == 8);
  room.ask(protocol::Copy{"missing", "b", {}}, 5);
  room.failed(room.committed(5).message, Code::condition_failed);
  room.refused(Code::condition_failed, 5);
}

TEST_CASE("a change without an outcome and without an error is an error", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a", false, {}});
  room.outcome(room.committed().message, 0);
  CHECK(room.refused(Code::io_error).path == "a");
}

TEST_CASE("what no attempt can ever do is refused without asking anybody", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(Put{"../a", root_of(hello), {}, {}}, 1, {hello});
  room.refused(Code::bad_path, 1);
  Message message = runtime::make_message(room.broker, Put{}, 2, {session, 1002, 0});
  message.body = "no map";
  room.probe.tell(std::move(message));
  room.refused(Code::bad_message, 2);
  room.probe.expect_silence();
}

TEST_CASE("an outcome that does not decode is none", "[worker]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a", false, {}});
  const auto commit = room.committed();
  Message broken = runtime::make_reply(commit.message, protocol::CommitReply{});
  broken.body = "no map";
  room.probe.tell(std::move(broken));
  room.probe.expect_silence();
  room.outcome(commit.message, 3);
  room.answered<protocol::RemoveReply>();
}

TEST_CASE("a worker takes jobs from the broker alone, and says what it does not know", "[worker]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("a", hello);
  room.probe.tell(room.locks, protocol::Stat{"a"}, 1, {session, 1001, 0});
  room.probe.expect_silence();
  Message message = runtime::make_message(room.broker, protocol::Stat{"a"}, 2, {session, 1002, 0});
  message.header.type = protocol::Type::acquire_lock;
  room.probe.tell(std::move(message));
  room.refused(Code::unknown_type, 2);
}
