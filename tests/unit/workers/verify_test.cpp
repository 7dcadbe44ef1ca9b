// The operation that compares what is stored with its digests.
#include "tests/unit/workers/worker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
using protocol::DamagedRange;
using protocol::Verify;
using protocol::VerifyReply;
namespace limits = protocol::limits;

namespace {

constexpr std::uint64_t version = 9;

// Stores a file as an upload does.
void store(WorkerRoom& room, const std::string& bytes) {
  room.upload(bytes);
  room.ask(protocol::WriteCommit{{upload_id}, "a", bytes.size(), root_of(bytes), {}, {}}, 902);
  const auto commit = room.committed(902);
  REQUIRE(room.disk.claim(commit.body.staged, version));
  REQUIRE(room.disk.publish_claimed(version, "a", {version, bytes.size(), root_of(bytes)}));
  room.outcome(commit.message, version);
  room.answered<protocol::WriteCommitReply>(902);
}

}  // namespace

TEST_CASE("a piece of a file is compared with what was stored", "[operations]") {
  WorkerRoom room;
  room.join();
  const std::string bytes = bytes_of(limits::verify_bytes + leaf + 5);
  store(room, bytes);
  room.ask(Verify{"a", 0, 0, 4'000'000'000u}, 1);
  const auto first = room.answered<VerifyReply>(1).body;
  CHECK(first.attributes.version == version);
  CHECK(first.length_bytes == limits::verify_bytes);
  CHECK(first.leaves == leaves_of(bytes.substr(0, limits::verify_bytes)));
  CHECK(first.damaged.empty());
  room.ask(Verify{"a", version, limits::verify_bytes, 3 * leaf}, 2);
  const auto rest = room.answered<VerifyReply>(2).body;
  CHECK(rest.length_bytes == leaf + 5);
  CHECK(rest.leaves == leaves_of(bytes.substr(limits::verify_bytes)));
  room.ask(Verify{"a", version, 2 * limits::verify_bytes, leaf}, 3);
  CHECK(room.answered<VerifyReply>(3).body.length_bytes == 0);
}

TEST_CASE("bytes that have changed since they were stored are told", "[operations]") {
  WorkerRoom room;
  room.join();
  store(room, bytes_of(4 * leaf + 5));
  room.disk.flip_byte("a", leaf);
  room.disk.flip_byte("a", 4 * leaf + 4);
  room.ask(Verify{"a", 0, 0, 8 * leaf}, 1);
  CHECK(room.answered<VerifyReply>(1).body.damaged ==
        std::vector<DamagedRange>{{leaf, leaf}, {4 * leaf, 5}});
  room.ask(Verify{"a", 0, 2 * leaf, 2 * leaf}, 2);
  CHECK(room.answered<VerifyReply>(2).body.damaged.empty());
}

TEST_CASE("what cannot be compared is refused, or has no length", "[operations]") {
  WorkerRoom room;
  room.join();
  room.disk.plant("d/by-hand", bytes_of(3 * leaf));
  room.ask(Verify{"d/by-hand", 0, 0, leaf}, 1);
  const auto by_hand = room.answered<VerifyReply>(1).body;
  CHECK(by_hand.attributes.size_bytes == 3 * leaf);
  CHECK(by_hand.length_bytes == 0);
  CHECK(by_hand.leaves.empty());
  room.ask(Verify{"d/by-hand", 7, 0, leaf}, 2);
  room.refused(Code::condition_failed, 2);
  room.ask(Verify{"d/by-hand", 0, 1, leaf}, 3);
  room.refused(Code::bad_message, 3);
  room.ask(Verify{"d/by-hand", 0, 0, leaf - 1}, 4);
  room.refused(Code::bad_message, 4);
  room.ask(Verify{"d", 0, 0, leaf}, 5);
  room.refused(Code::is_directory, 5);
  room.ask(Verify{"", 0, 0, leaf}, 6);
  room.refused(Code::is_directory, 6);
  room.ask(Verify{"none", 0, 0, leaf}, 7);
  room.refused(Code::not_found, 7);
}
