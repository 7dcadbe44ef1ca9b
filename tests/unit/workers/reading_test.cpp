// The operations that read: what they check, what they answer.
#include "tests/unit/workers/worker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::EntryKind;
using protocol::Get;
using protocol::GetReply;
using protocol::List;
using protocol::ListReply;
using protocol::Read;
using protocol::ReadEnd;
using protocol::ReadReply;
namespace limits = protocol::limits;

namespace {

// Opens a file of so many bytes; gives the snapshot's name.
std::string snapshot_of(WorkerRoom& room, std::size_t size) {
  room.disk.plant("big", bytes_of(size));
  room.ask(Get{"big"}, 7);
  return room.answered<GetReply>(7).body.snapshot;
}

}  // namespace

TEST_CASE("paths that no server accepts are refused by every operation", "[operations]") {
  const auto bad = GENERATE(as<std::string>{}, "../x", "/x", "a//b", "a/./b", ".sluice/log",
                            std::string("a\0b", 3), std::string(256, 'n'));
  INFO(bad);
  WorkerRoom room;
  room.join();
  room.ask(protocol::Stat{bad}, 1);
  room.ask(List{bad, 0, 0, false}, 2);
  room.ask(Get{bad}, 3);
  room.ask(protocol::Put{bad, root_of(""), {}, {}}, 4);
  room.ask(protocol::WriteBegin{{upload_id}, bad, 1}, 5);
  room.ask(protocol::WriteCommit{{upload_id}, bad, 1, {}, {}, {}}, 6);
  room.ask(protocol::Remove{bad, false, {}}, 7);
  room.ask(protocol::Rename{bad, "b", {}}, 8);
  room.ask(protocol::Rename{"a", bad, {}}, 9);
  room.ask(protocol::Copy{bad, "b", {}}, 10);
  room.ask(protocol::Copy{"a", bad, {}}, 11);
  room.ask(protocol::MakeDirectory{bad, true, {}, {}}, 12);
  room.ask(protocol::SetAttributes{bad, {}, {}}, 13);
  room.ask(protocol::Verify{bad, 0, 0, 1u << 20}, 14);
  for (std::uint64_t id = 1; id <= 14; ++id) room.refused(Code::bad_path, id);
  room.probe.expect_silence();
}

TEST_CASE("the root itself can be looked at, and nothing else be done to it", "[operations]") {
  WorkerRoom room;
  room.join();
  room.ask(protocol::Stat{""}, 1);
  CHECK(room.answered<protocol::StatReply>(1).body.attributes.kind == EntryKind::directory);
  room.ask(List{"", 0, 0, false}, 2);
  CHECK(room.answered<ListReply>(2).body.entries.empty());
  room.ask(Get{""}, 3);
  room.refused(Code::is_directory, 3);
  room.ask(protocol::Remove{"", true, {}}, 4);
  room.ask(protocol::Rename{"", "b", {}}, 5);
  room.ask(protocol::MakeDirectory{"", true, {}, {}}, 6);
  for (std::uint64_t id = 4; id <= 6; ++id) room.refused(Code::bad_path, id);
}

TEST_CASE("bodies that do not decode are refused by every operation", "[operations]") {
  WorkerRoom room;
  room.join();
  using protocol::Type;
  for (const auto type : {Type::stat,
                          Type::list,
                          Type::get,
                          Type::get_many,
                          Type::read,
                          Type::read_leaves,
                          Type::read_end,
                          Type::put,
                          Type::put_many,
                          Type::write_begin,
                          Type::write_chunk,
                          Type::write_status,
                          Type::write_reuse,
                          Type::write_commit,
                          Type::write_abort,
                          Type::remove,
                          Type::rename,
                          Type::copy,
                          Type::make_directory,
                          Type::set_attributes,
                          Type::sweep,
                          Type::verify}) {
    Message message = runtime::make_message(room.broker, protocol::Stat{}, 1, {session, 1001, 0});
    message.header.type = type;
    message.body = "\x81\x01";
    room.probe.tell(std::move(message));
    room.refused(Code::bad_message);
  }
  room.probe.expect_silence();
}

TEST_CASE("stat tells what is there, or why not", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("d/f", "hello");
  room.disk.plant_other("pipe");
  room.ask(protocol::Stat{"d/f"}, 1);
  const auto file = room.answered<protocol::StatReply>(1).body.attributes;
  CHECK(file.kind == EntryKind::file);
  CHECK(file.size_bytes == 5);
  CHECK(file.version == 0);
  room.ask(protocol::Stat{"d"}, 2);
  CHECK(room.answered<protocol::StatReply>(2).body.attributes.kind == EntryKind::directory);
  room.ask(protocol::Stat{"x"}, 3);
  CHECK(room.refused(Code::not_found, 3).path == "x");
  room.ask(protocol::Stat{"d/f/x"}, 4);
  room.refused(Code::not_directory, 4);
  room.ask(protocol::Stat{"pipe"}, 5);
  room.refused(Code::not_regular, 5);
}

TEST_CASE("a list comes in pages, bounded whatever is asked for", "[operations]") {
  WorkerRoom room;
  room.join();
  for (std::size_t i = 0; i < limits::list_entries + 10; ++i)
    room.disk.plant("d/" + std::to_string(i), "");
  const std::uint32_t most = GENERATE(0u, 4'000'000'000u);
  room.ask(List{"d", 0, most, false}, 1);
  const auto first = room.answered<ListReply>(1).body;
  CHECK(first.entries.size() == limits::list_entries);
  REQUIRE(first.next_cookie != 0);
  room.ask(List{"d", first.next_cookie, most, true}, 2);
  const auto second = room.answered<ListReply>(2).body;
  CHECK(second.entries.size() == 10);
  CHECK(second.next_cookie == 0);
  CHECK(second.entries[0].attributes.mode != 0);
  room.ask(List{"d", 0, 3, false}, 3);
  CHECK(room.answered<ListReply>(3).body.entries.size() == 3);
  room.ask(List{"d/1", 0, 0, false}, 4);
  room.refused(Code::not_directory, 4);
}

TEST_CASE("a file comes whole if it is small and there is credit for it", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("f", bytes_of(leaf));
  room.ask(Get{"f"}, 1, {{}, 10 * leaf});
  const auto whole = room.answered<GetReply>(1);
  CHECK(whole.message.payload.text() == bytes_of(leaf));
  CHECK(whole.body.snapshot.empty());
  CHECK(whole.body.attributes.size_bytes == leaf);
  CHECK(room.disk.litter().empty());
  room.ask(Get{"f"}, 2, {{}, leaf - 1});
  CHECK(room.answered<GetReply>(2).message.payload.empty());
  CHECK(room.disk.litter().size() == 1);
  // However much credit there is.
  room.disk.plant("g", bytes_of(leaf + 1));
  room.ask(Get{"g"}, 3, {{}, 0xffff'ffff});
  CHECK_FALSE(room.answered<GetReply>(3).body.snapshot.empty());
  room.ask(Get{"d"}, 4);
  room.refused(Code::not_found, 4);
  room.probe.expect_silence();
}

TEST_CASE("a snapshot's name is the session's, the request's and the attempt's", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("big", bytes_of(leaf + 1));
  room.ask(Get{"big"}, 7, {{}, 0, 2});
  const auto reply = room.answered<GetReply>(7, 2);
  CHECK(reply.body.snapshot == storage::snapshot_suffix(7, 2));
  CHECK(room.disk.litter() ==
        std::vector{"snapshots/" + storage::session_prefix(session) + reply.body.snapshot});
}

TEST_CASE("a snapshot is read in whole leaves, with their digests", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string all = bytes_of(3 * leaf + 100);
  const std::string snapshot = snapshot_of(room, all.size());
  const auto read = [&](std::uint64_t offset, std::uint32_t length, std::uint32_t credit) {
    room.ask(Read{snapshot, offset, length}, 8, {{}, credit});
    const auto reply = room.answered<ReadReply>(8);
    const std::string bytes(reply.message.payload.text());
    CHECK(bytes == all.substr(std::min<std::size_t>(offset, all.size()), bytes.size()));
    CHECK(reply.body.leaves == leaves_of(bytes));
    return bytes.size();
  };
  constexpr auto one = static_cast<std::uint32_t>(leaf);
  CHECK(read(0, 2 * one, 8 * one) == 2 * leaf);
  CHECK(read(0, 8 * one, 2 * one) == 2 * leaf);
  CHECK(read(0, 8 * one, 8 * one) == all.size());
  // Not to the end: only whole leaves fit.
  CHECK(read(0, 2 * one + 100, 8 * one) == 2 * leaf);
  CHECK(read(leaf, 2 * one - 1, 8 * one) == leaf);
  CHECK(read(leaf, 2 * one + 99, 8 * one) == 2 * leaf);
  // To the very end: the last one need not be whole.
  CHECK(read(leaf, 2 * one + 100, 8 * one) == 2 * leaf + 100);
  CHECK(read(3 * leaf, 100, 8 * one) == 100);
  CHECK(read(3 * leaf, one, 100) == 100);
  CHECK(read(4 * leaf, one, one) == 0);
}

TEST_CASE("no more than a chunk is read at once", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string snapshot = snapshot_of(room, limits::chunk_bytes + 5);
  room.ask(Read{snapshot, 0, 0xffff'ffff}, 1, {{}, 0xffff'ffff});
  CHECK(room.answered<ReadReply>(1).message.payload.size() == limits::chunk_bytes);
}

TEST_CASE("reads that cannot be answered in leaves are refused", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string snapshot = snapshot_of(room, 2 * leaf);
  room.ask(Read{snapshot, 1, leaf}, 1, {{}, leaf});
  room.refused(Code::bad_message, 1);
  room.ask(Read{snapshot, 0, leaf - 1}, 2, {{}, leaf});
  room.refused(Code::bad_message, 2);
  room.ask(Read{snapshot, 0, leaf}, 3, {{}, leaf - 1});
  room.refused(Code::bad_message, 3);
}

TEST_CASE("only a snapshot's own name is taken, and it is the session's own", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string snapshot = snapshot_of(room, 2 * leaf);
  for (const std::string& name :
       {std::string{}, std::string("../x"), std::string(".1"), std::string("a/b"), snapshot + "-",
        storage::session_prefix(session) + snapshot, std::string(65, 'a'), std::string("ABC")}) {
    room.ask(Read{name, 0, leaf}, 1, {{}, leaf});
    room.refused(Code::bad_message);
    room.ask(ReadEnd{name}, 1);
    room.refused(Code::bad_message);
  }
  // Another session, the right name.
  Message message =
      runtime::make_message(room.broker, Read{snapshot, 0, leaf}, 1, {session + 1, 1, 0});
  message.header.credit_bytes = leaf;
  room.probe.tell(std::move(message));
  room.probe.expect_error(room.broker, Code::snapshot_gone);
  room.probe.tell(room.broker, ReadEnd{snapshot}, 1, {session + 1, 1, 0});
  room.probe.expect<protocol::ReadEndReply>(room.broker);
  CHECK(room.disk.litter().size() == 1);
}

TEST_CASE("a snapshot outlives its file and ends when it is told to", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string snapshot = snapshot_of(room, 2 * leaf);
  REQUIRE(room.disk.remove("big", false));
  room.ask(Read{snapshot, leaf, leaf}, 1, {{}, leaf});
  CHECK(room.answered<ReadReply>().message.payload.text() == bytes_of(2 * leaf).substr(leaf));
  for (int i = 0; i < 2; ++i) {
    room.ask(ReadEnd{snapshot}, 2);
    room.answered<protocol::ReadEndReply>(2);
  }
  room.ask(Read{snapshot, 0, leaf}, 3, {{}, leaf});
  room.refused(Code::snapshot_gone, 3);
  CHECK(room.disk.litter().empty());
}

TEST_CASE("the digests of a snapshot's leaves come without its bytes", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string snapshot = snapshot_of(room, 3 * leaf + 10);
  const std::string leaves = leaves_of(bytes_of(3 * leaf + 10));
  room.ask(protocol::ReadLeaves{snapshot, leaf, 2}, 1);
  CHECK(room.answered<protocol::ReadLeavesReply>(1).body.leaves == leaves.substr(16, 32));
  room.ask(protocol::ReadLeaves{snapshot, 0, 1'000'000}, 2);
  CHECK(room.answered<protocol::ReadLeavesReply>(2).body.leaves == leaves);
  const auto refused = [&](const protocol::ReadLeaves& wanted, Code code) {
    room.ask(wanted, 3);
    room.refused(code, 3);
  };
  refused({snapshot, 0, 0}, Code::bad_message);
  refused({snapshot, 1, 1}, Code::bad_message);
  refused({"a/b", 0, 1}, Code::bad_message);
  refused({"5.0", 0, 1}, Code::snapshot_gone);
}

TEST_CASE("errors of the disk are answers", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("a", "");
  room.faults.fail_next(DiskCall::stat, 1, Code::io_error);
  room.ask(protocol::Stat{"a"}, 1);
  room.refused(Code::io_error, 1);
  room.faults.fail_next(DiskCall::list, 1, Code::denied);
  room.ask(List{"", 0, 0, false}, 2);
  room.refused(Code::denied, 2);
  room.faults.fail_next(DiskCall::drop_snapshot, 1, Code::io_error);
  room.ask(ReadEnd{"1.0"}, 3);
  room.refused(Code::io_error, 3);
  room.faults.fail_next(DiskCall::sweep, 1, Code::io_error);
  room.ask(protocol::Sweep{}, 4);
  room.refused(Code::io_error, 4);
}
