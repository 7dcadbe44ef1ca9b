// The operations that stage and change: what they check, what they ask to commit.
#include "tests/unit/workers/worker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::ChangeKind;
using protocol::Put;
using protocol::WriteBegin;
using protocol::WriteChunk;
using protocol::WriteCommit;
using protocol::WriteStatus;
namespace limits = protocol::limits;

namespace {

WriteChunk chunk_of(std::uint64_t offset, std::string_view bytes) {
  return {{upload_id}, offset, {leaves_of(bytes)}};
}

}  // namespace

TEST_CASE("a put of up to a leaf is taken, a larger one is not", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string most = bytes_of(limits::small_file_bytes);
  room.ask(Put{"a", root_of(most), {}, {}}, 1, {most});
  CHECK(room.committed(1).body.size_bytes == most.size());
  const std::string more = bytes_of(limits::small_file_bytes + 1);
  room.ask(Put{"a", root_of(more), {}, {}}, 2, {more});
  room.refused_without_outcome(Code::too_large, 2);
  room.ask(Put{"a", root_of(""), {}, {}}, 3);
  const auto empty = room.committed(3);
  CHECK(empty.body.kind == ChangeKind::put);
  CHECK(empty.body.size_bytes == 0);
}

TEST_CASE("a put whose bytes are not those of its digest is refused", "[operations]") {
  WorkerRoom room;
  room.join();
  room.ask(Put{"a", root_of("hello"), {}, {}}, 1, {"jello"});
  room.refused_without_outcome(Code::digest_mismatch);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("an upload goes leaf by leaf in any order, and is committed whole", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string all = bytes_of(3 * leaf + 10);
  room.ask(WriteBegin{{upload_id}, "a", all.size()}, 1);
  room.answered<protocol::WriteBeginReply>(1);
  const auto send = [&](std::size_t offset, std::size_t size, std::uint64_t id) {
    const std::string bytes = all.substr(offset, size);
    room.ask(chunk_of(offset, bytes), id, {bytes});
    room.answered<protocol::WriteChunkReply>(id);
  };
  send(2 * leaf, leaf + 10, 2);
  send(0, leaf, 3);
  room.ask(WriteStatus{{upload_id}}, 4);
  const auto status = room.answered<protocol::WriteStatusReply>(4).body;
  CHECK(status.size_bytes == all.size());
  CHECK(status.arrived == std::string("\1\0\1\1", 4));
  room.ask(WriteCommit{{upload_id}, "a", all.size(), root_of(all), {}, {}}, 5);
  room.refused_without_outcome(Code::upload_incomplete, 5);
  send(leaf, leaf, 6);
  send(leaf, leaf, 7);
  WriteCommit commit{{upload_id}, "a", all.size(), root_of(all), {0640, 5}, {"1-2", 9, {}, true}};
  room.ask(commit, 8);
  const auto sent = room.committed(8);
  CHECK(sent.body.kind == ChangeKind::put);
  CHECK(sent.body.path == "a");
  CHECK(sent.body.staged == storage::upload_name(session, upload_id));
  CHECK(sent.body.size_bytes == all.size());
  CHECK(sent.body.root == root_of(all));
  CHECK_FALSE(sent.body.small);
  CHECK(sent.body.preserve.mode == 0640);
  CHECK(sent.body.terms.token == "1-2");
  CHECK(sent.body.terms.if_absent);
  CHECK(sent.message.payload.empty());
}

TEST_CASE("an upload is bounded, and begun again with the same size alone", "[operations]") {
  WorkerRoom room;
  room.join();
  room.ask(WriteBegin{{upload_id}, "a", limits::file_bytes + 1}, 1);
  CHECK(room.refused(Code::too_large, 1).path == "a");
  for (std::uint64_t id = 2; id <= 3; ++id) {
    room.ask(WriteBegin{{upload_id}, "a", 100}, id);
    room.answered<protocol::WriteBeginReply>(id);
  }
  room.ask(WriteBegin{{upload_id}, "a", 101}, 4);
  CHECK(room.refused(Code::upload_conflict, 4).path == "a");
  room.faults.fail_next(DiskCall::begin_upload, 1, Code::no_space);
  room.ask(WriteBegin{{std::string(16, 'v')}, "b", 1}, 5);
  CHECK(room.refused(Code::no_space, 5).path == "b");
}

TEST_CASE("an upload id has 16 bytes", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string id = GENERATE(std::string{}, std::string(15, 'u'), std::string(17, 'u'));
  room.ask(WriteBegin{{id}, "a", 1}, 1);
  room.ask(WriteChunk{{id}, 0, {leaves_of("x")}}, 2, {"x"});
  room.ask(WriteStatus{{id}}, 3);
  room.ask(WriteCommit{{id}, "a", 1, root_of("x"), {}, {}}, 4);
  room.ask(protocol::WriteAbort{{id}}, 5);
  room.ask(protocol::WriteReuse{{id}, "7.0", 0, {leaves_of("x")}}, 6);
  for (std::uint64_t request = 1; request <= 6; ++request) room.refused(Code::bad_message, request);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("chunks that are not whole leaves with their digests are refused", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string all = bytes_of(limits::chunk_bytes + 2 * leaf);
  room.ask(WriteBegin{{upload_id}, "a", all.size()}, 1);
  room.answered<protocol::WriteBeginReply>(1);
  const auto refused = [&](const WriteChunk& chunk, const std::string& bytes, Code code) {
    room.ask(chunk, 2, {bytes});
    room.refused(code, 2);
  };
  const std::string one = all.substr(0, leaf), two = all.substr(0, 2 * leaf);
  refused(chunk_of(1, one), one, Code::bad_message);
  refused(chunk_of(0, all), all, Code::too_large);
  refused(chunk_of(0, two), one, Code::digest_mismatch);
  refused(chunk_of(0, one), two, Code::digest_mismatch);
  refused(chunk_of(0, all.substr(leaf, leaf)), one, Code::digest_mismatch);
  refused({{upload_id}, 0, {}}, one, Code::digest_mismatch);
  refused(chunk_of(0, ""), "", Code::bad_message);
  refused(chunk_of(0, one.substr(1)), one.substr(1), Code::bad_message);
  refused(chunk_of(limits::chunk_bytes + leaf, two), two, Code::bad_message);
  refused({{std::string(16, 'v')}, 0, {leaves_of(one)}}, one, Code::unknown_upload);
  // One id is one sequence of bytes.
  room.ask(chunk_of(0, one), 3, {one});
  room.answered<protocol::WriteChunkReply>(3);
  const std::string other = all.substr(leaf, leaf);
  refused(chunk_of(0, other), other, Code::upload_conflict);
}

TEST_CASE("zeros need no payload, and have none", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string all = bytes_of(leaf) + std::string(2 * leaf + 10, '\0');
  room.ask(WriteBegin{{upload_id}, "a", all.size(), false, 2 * leaf + 10}, 1);
  room.answered<protocol::WriteBeginReply>(1);
  WriteChunk zeros{{upload_id}, leaf, {}, false, {}, 2 * leaf + 10};
  const auto refused = [&](const WriteChunk& chunk, const std::string& bytes, Code code) {
    room.ask(chunk, 2, {bytes});
    room.refused(code, 2);
  };
  WriteChunk bad = zeros;
  bad.leaves = leaves_of(all.substr(leaf));
  refused(bad, "", Code::bad_message);
  refused(bad, all.substr(leaf), Code::bad_message);
  refused(zeros, all.substr(leaf), Code::bad_message);
  bad = zeros;
  bad.offset_bytes = 1;
  refused(bad, "", Code::bad_message);
  bad.offset_bytes = 2 * leaf;
  refused(bad, "", Code::bad_message);
  bad = zeros;
  bad.zero_bytes = limits::zero_bytes + 1;
  refused(bad, "", Code::too_large);
  for (std::uint64_t id = 3; id <= 4; ++id) {
    room.ask(zeros, id);
    room.answered<protocol::WriteChunkReply>(id);
  }
  // One id is one sequence of bytes.
  zeros.offset_bytes = 0;
  zeros.zero_bytes = leaf;
  room.ask(chunk_of(0, all.substr(0, leaf)), 5, {all.substr(0, leaf)});
  room.answered<protocol::WriteChunkReply>(5);
  refused(zeros, "", Code::upload_conflict);
  room.ask(WriteCommit{{upload_id}, "a", all.size(), root_of(all), {}, {}}, 6);
  CHECK(room.committed(6).body.size_bytes == all.size());
}

TEST_CASE("a commit that does not fit what has arrived is refused", "[operations]") {
  WorkerRoom room;
  room.join();
  room.upload("hello");
  room.ask(WriteCommit{{upload_id}, "a", 5, root_of("jello"), {}, {}}, 1);
  room.refused_without_outcome(Code::digest_mismatch, 1);
  room.faults.fail_next(DiskCall::finish_upload, 1, Code::io_error);
  room.ask(WriteCommit{{upload_id}, "a", 5, root_of("hello"), {}, {}}, 2);
  room.refused_without_outcome(Code::io_error, 2);
  CHECK(room.disk.litter().size() == 1);
  room.ask(WriteCommit{{upload_id}, "a", 5, root_of("hello"), {}, {}}, 3);
  CHECK(room.committed(3).body.kind == ChangeKind::put);
}

TEST_CASE("bytes stay unsynced only where a relaxed commit replaces nothing", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("there", "old");
  const auto unsynced = [&](const std::string& path, protocol::Durability durability,
                            std::uint64_t id) {
    WriteCommit commit{{upload_id}, path, 5, root_of("hello"), {}, {}};
    commit.terms.durability = durability;
    room.ask(commit, id);
    const auto committed = room.committed(id).body;
    CHECK(committed.terms.durability == durability);
    CHECK(committed.preserve.mode.has_value() == committed.unsynced);
    return committed.unsynced;
  };
  room.upload("hello");
  CHECK_FALSE(unsynced("new", protocol::Durability::unsaid, 1));
  CHECK_FALSE(unsynced("new", protocol::Durability::full, 2));
  CHECK(unsynced("new", protocol::Durability::relaxed, 3));
  CHECK_FALSE(unsynced("there", protocol::Durability::relaxed, 4));
  CHECK_FALSE(unsynced("new", static_cast<protocol::Durability>(9), 5));
}

TEST_CASE("of a relaxed server so do those of a commit that says nothing", "[operations]") {
  WorkerRoom room;
  room.join();
  protocol::WorkerWelcome welcome{1, "inproc://locks", "sim-root", 7, 2, 500};
  welcome.relaxed = true;
  room.probe.tell(room.broker, welcome);
  room.probe.expect<protocol::JoinLocks>(room.locks);
  room.joined();
  room.upload("hello");
  room.ask(WriteCommit{{upload_id}, "new", 5, root_of("hello"), {}, {}}, 1);
  CHECK(room.committed(1).body.unsynced);
}

TEST_CASE("a session reaches its own uploads only", "[operations]") {
  WorkerRoom room;
  room.join();
  room.upload("hello");
  room.probe.tell(room.broker, WriteStatus{{upload_id}}, 1, {session + 1, 1, 0});
  room.probe.expect_error(room.broker, Code::unknown_upload);
  room.probe.tell(room.broker, protocol::WriteAbort{{upload_id}}, 1, {session + 1, 1, 0});
  room.probe.expect<protocol::WriteAbortReply>(room.broker);
  CHECK(room.disk.litter().size() == 1);
  for (std::uint64_t id = 2; id <= 3; ++id) {
    room.ask(protocol::WriteAbort{{upload_id}}, id);
    room.answered<protocol::WriteAbortReply>(id);
  }
  CHECK(room.disk.litter().empty());
  room.ask(WriteStatus{{upload_id}}, 4);
  room.refused(Code::unknown_upload, 4);
}

TEST_CASE("a kept upload is every session's that knows its id", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string all = bytes_of(leaf + 10);
  const std::string leaves = leaves_of(all);
  const auto other = [&](const auto& body, With with = {}) {
    room.probe.tell(room.broker, body, 1, {session + 1, 1, 0}, 0, Payload::of(with.payload));
  };
  room.ask(WriteBegin{{upload_id}, "a", all.size(), true}, 1);
  room.answered<protocol::WriteBeginReply>(1);
  WriteChunk second = chunk_of(leaf, all.substr(leaf));
  second.kept = true;
  room.ask(second, 2, {all.substr(leaf)});
  room.answered<protocol::WriteChunkReply>(2);
  room.ask(WriteStatus{{upload_id}}, 3);
  room.refused(Code::unknown_upload, 3);
  other(WriteStatus{{upload_id}, 0, true, true});
  const auto status = room.probe.expect<protocol::WriteStatusReply>(room.broker).body;
  CHECK(status.size_bytes == all.size());
  CHECK(status.arrived == std::string("\0\1", 2));
  CHECK(status.leaves == std::string(16, '\0') + leaves.substr(16));
  other(WriteStatus{{upload_id}, leaf, false, true});
  const auto rest = room.probe.expect<protocol::WriteStatusReply>(room.broker).body;
  CHECK(rest.arrived == "\1");
  CHECK(rest.leaves.empty());
  other(WriteStatus{{upload_id}, 1, false, true});
  room.probe.expect_error(room.broker, Code::bad_message);
  WriteChunk first = chunk_of(0, all.substr(0, leaf));
  first.kept = true;
  other(first, {all.substr(0, leaf)});
  room.probe.expect<protocol::WriteChunkReply>(room.broker);
  other(WriteCommit{{upload_id}, "a", all.size(), root_of(all), {}, {}, true});
  CHECK(room.probe.expect<protocol::Commit>(room.locks).body.staged ==
        storage::upload_name(storage::kept_session, upload_id));
  other(protocol::WriteAbort{{upload_id}, true});
  room.probe.expect<protocol::WriteAbortReply>(room.broker);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("kept uploads outlive sessions, and are swept when they are old", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.set_now(1'000'000'000);
  room.ask(WriteBegin{{upload_id}, "a", leaf, true}, 1);
  room.answered<protocol::WriteBeginReply>(1);
  const auto sweep = [&](std::int64_t now_ms) {
    room.disk.set_now(now_ms * 1'000'000);
    room.ask(protocol::Sweep{{}, true}, 2);
    room.answered<protocol::SweepReply>(2);
    return room.disk.litter().size();
  };
  CHECK(sweep(limits::upload_keep_ms) == 1);
  const std::string bytes = bytes_of(leaf);
  WriteChunk chunk = chunk_of(0, bytes);
  chunk.kept = true;
  room.ask(chunk, 3, {bytes});
  room.answered<protocol::WriteChunkReply>(3);
  CHECK(sweep(2 * limits::upload_keep_ms - 1) == 1);
  CHECK(sweep(2 * limits::upload_keep_ms) == 0);
}

TEST_CASE("bytes that the server has need not be sent", "[operations]") {
  WorkerRoom room;
  room.join();
  std::string all = bytes_of(3 * leaf + 10);
  room.disk.plant("f", all);
  room.ask(protocol::Get{"f"}, 1);
  const std::string snapshot = room.answered<protocol::GetReply>(1).body.snapshot;
  all[leaf] ^= 1;
  room.ask(WriteBegin{{upload_id}, "a", all.size()}, 2);
  room.answered<protocol::WriteBeginReply>(2);
  const std::string leaves = leaves_of(all);
  room.ask(protocol::WriteReuse{{upload_id}, snapshot, 0, {leaves}}, 3);
  CHECK(room.answered<protocol::WriteReuseReply>(3).body.taken == std::string("\1\0\1\1", 4));
  // Leaves behind the end of what is there.
  room.ask(protocol::WriteReuse{{upload_id}, snapshot, 4 * leaf, {leaves}}, 4);
  CHECK(room.answered<protocol::WriteReuseReply>(4).body.taken == std::string(4, '\0'));
  room.ask(WriteStatus{{upload_id}}, 5);
  CHECK(room.answered<protocol::WriteStatusReply>(5).body.arrived == std::string("\1\0\1\1", 4));
  const auto refused = [&](const protocol::WriteReuse& reuse, Code code) {
    room.ask(reuse, 6);
    room.refused(code, 6);
  };
  refused({{upload_id}, "5.0", 0, {leaves}}, Code::snapshot_gone);
  refused({{upload_id}, "../f", 0, {leaves}}, Code::bad_message);
  refused({{upload_id}, snapshot, 1, {leaves}}, Code::bad_message);
  refused({{upload_id}, snapshot, 0, {leaves.substr(1)}}, Code::bad_message);
  refused({{upload_id}, snapshot, 0, {}}, Code::bad_message);
  refused({{upload_id}, snapshot, 0, {std::string(9 * 16, 'x')}}, Code::bad_message);
  refused({{std::string(16, 'v')}, snapshot, 0, {leaves}}, Code::unknown_upload);
}

TEST_CASE("a copy is staged here and committed as an upload", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("f", bytes_of(leaf + 7));
  room.disk.plant("d/x", "");
  room.ask(protocol::Copy{"f", "g", {"1-2", 3, 5, false}}, 1);
  const auto commit = room.committed(1);
  CHECK(commit.body.kind == ChangeKind::put);
  CHECK(commit.body.path == "g");
  CHECK(commit.body.to_path.empty());
  CHECK(commit.body.staged == storage::request_name(session, 1, 0));
  CHECK(commit.body.size_bytes == leaf + 7);
  CHECK(commit.body.root == root_of(bytes_of(leaf + 7)));
  CHECK_FALSE(commit.body.small);
  CHECK(commit.body.terms.if_version == 5);
  CHECK(commit.message.payload.empty());
  room.ask(protocol::Copy{"d", "g", {}}, 2);
  room.refused_without_outcome(Code::is_directory, 2);
}

TEST_CASE("a removal is asked for as it came", "[operations]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Remove{"a/b", true, {"1-2", 3, 5, false}});
  const auto commit = room.committed();
  CHECK(commit.body.kind == ChangeKind::remove);
  CHECK(commit.body.path == "a/b");
  CHECK(commit.body.recursive);
  CHECK(commit.body.terms.token == "1-2");
  CHECK(commit.body.staged.empty());
}

TEST_CASE("a rename says whether it takes a tree along", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("d/f", "");
  const auto tree = [&](const std::string& from, std::uint64_t id) {
    room.ask(protocol::Rename{from, "to", {}}, id);
    const auto commit = room.committed(id);
    CHECK(commit.body.kind == ChangeKind::rename);
    CHECK(commit.body.path == from);
    CHECK(commit.body.to_path == "to");
    return commit.body.recursive;
  };
  CHECK(tree("d", 1));
  CHECK_FALSE(tree("d/f", 2));
  // The publisher says what there is to say.
  CHECK_FALSE(tree("missing", 3));
}

TEST_CASE("nothing is moved into itself", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("d/f", "");
  room.ask(protocol::Rename{"d", "d/e", {}}, 1);
  CHECK(room.refused(Code::bad_path, 1).path == "d/e");
  room.ask(protocol::Rename{"d", "d", {}}, 2);
  room.committed(2);
  room.ask(protocol::Rename{"d", "de", {}}, 3);
  room.committed(3);
}

TEST_CASE("directories are made with the parents that are missing, outermost first",
          "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("a/f", "");
  room.ask(protocol::MakeDirectory{"a/b/c/d", true, {0700, {}}, {}}, 1);
  const auto commit = room.committed(1);
  CHECK(commit.body.kind == ChangeKind::make_directory);
  CHECK(commit.body.path == "a/b/c/d");
  CHECK(commit.body.parents);
  CHECK(commit.body.missing_parents == std::vector<std::string>{"a/b", "a/b/c"});
  CHECK(commit.body.preserve.mode == 0700);
  room.ask(protocol::MakeDirectory{"a/b/c/d", false, {}, {}}, 2);
  const auto alone = room.committed(2);
  CHECK_FALSE(alone.body.parents);
  CHECK(alone.body.missing_parents.empty());
  room.ask(protocol::MakeDirectory{"a/f/c/d", true, {}, {}}, 3);
  room.refused_without_outcome(Code::not_directory, 3);
}

TEST_CASE("attributes are set as asked", "[operations]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::SetAttributes{"a", {0755, 12}, {"1-2", 0, {}, false}});
  const auto commit = room.committed();
  CHECK(commit.body.kind == ChangeKind::set_attributes);
  CHECK(commit.body.path == "a");
  CHECK(commit.body.preserve.mode == 0755);
  CHECK(commit.body.preserve.mtime_ns == 12);
  CHECK(commit.body.terms.token == "1-2");
}

TEST_CASE("a sweep drops what the sessions left that ended, or all but those that live",
          "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("big", bytes_of(leaf + 1));
  const auto leave = [&](std::uint64_t of) {
    room.probe.tell(room.broker, WriteBegin{{upload_id}, "a", 1}, 1, {of, 1, 0});
    room.probe.expect<protocol::WriteBeginReply>(room.broker);
    room.probe.tell(room.broker, protocol::Get{"big"}, 2, {of, 2, 0});
    room.probe.expect<protocol::GetReply>(room.broker);
  };
  const auto sweep = [&](std::vector<std::uint64_t> sessions, bool all_but) {
    room.probe.tell(room.broker, protocol::Sweep{std::move(sessions), all_but}, 0, {0, 3, 0});
    room.probe.expect<protocol::SweepReply>(room.broker);
    return room.disk.litter().size();
  };
  for (const std::uint64_t of : {1, 2, 3}) leave(of);
  CHECK(room.disk.litter().size() == 6);
  CHECK(sweep({2}, false) == 4);
  CHECK(sweep({3}, true) == 2);
  CHECK(sweep({}, true) == 0);
}
