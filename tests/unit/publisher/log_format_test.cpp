// The log's records as bytes and back, torn, stale and damaged.
#include "broker/publisher/commit_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/sim_log.hpp"

namespace sluice::broker::publisher {
namespace {

LogRecord change(std::uint64_t number) {
  LogRecord record;
  record.kind = RecordKind::rename;
  record.session = 0xfedcba9876543210;
  record.request_id = number + 1;
  record.number = number;
  record.path = "a/b";
  record.to_path = "c";
  record.version = 5;
  record.inode = 77;
  record.replaced_inode = 78;
  record.preserve.mode = 0600;
  record.preserve.mtime_ns = -1;
  record.directories = {"x", "x/y"};
  return record;
}

std::string segment_of(int records, std::uint64_t generation, std::uint64_t sequence = 1) {
  std::string segment;
  for (int i = 0; i < records; ++i) {
    const std::string data = "data" + std::to_string(i);
    encode_record(segment, change(10 + static_cast<std::uint64_t>(i)), data, generation,
                  sequence + static_cast<std::uint64_t>(i));
  }
  return segment;
}

TEST_CASE("records come back as they were written") {
  const std::string segment = segment_of(3, 4, 100);
  const auto records = read_records(segment, 4);
  REQUIRE(records.size() == 3);
  CHECK(records[2].sequence == 102);
  CHECK(records[2].data == "data2");
  const LogRecord& record = records[1].record;
  CHECK(record.kind == RecordKind::rename);
  CHECK(record.session == 0xfedcba9876543210);
  CHECK(record.request_id == 12);
  CHECK(record.number == 11);
  CHECK(record.path == "a/b");
  CHECK(record.to_path == "c");
  CHECK(record.version == 5);
  CHECK(record.inode == 77);
  CHECK(record.replaced_inode == 78);
  CHECK(record.preserve.mode == 0600u);
  CHECK(record.preserve.mtime_ns == -1);
  CHECK(record.directories == std::vector<std::string>{"x", "x/y"});
}

TEST_CASE("a segment ends at its torn last record") {
  const std::string segment = segment_of(3, 4);
  const std::size_t two = segment_of(2, 4).size();
  for (std::size_t cut = two; cut < segment.size(); ++cut)
    CHECK(read_records(std::string_view(segment).substr(0, cut), 4).size() == 2);
}

TEST_CASE("what a segment held before it was used again does not count") {
  const std::string old = segment_of(4, 4);
  const std::string fresh = segment_of(2, 5);
  CHECK(read_records(fresh + old.substr(fresh.size()), 5).size() == 2);
  CHECK(read_records(old, 5).empty());
}

TEST_CASE("a record out of sequence is the end") {
  CHECK(read_records(segment_of(2, 4, 1) + segment_of(2, 4, 4), 4).size() == 2);
  CHECK(read_records(segment_of(2, 4, 1) + segment_of(2, 4, 3), 4).size() == 4);
}

TEST_CASE("every changed byte is noticed") {
  const std::string segment = segment_of(2, 4);
  const std::size_t one = segment_of(1, 4).size();
  for (std::size_t at = 0; at < segment.size(); ++at) {
    std::string damaged = segment;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK(read_records(damaged, 4).size() == (at < one ? 0 : 1));
  }
}

TEST_CASE("random bytes and random lengths do no harm") {
  testing::Random random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = segment_of(1, 4);
    bytes.resize(testing::below(random, 200));
    for (int i = 0; i < 3 && !bytes.empty(); ++i)
      bytes[testing::below(random, bytes.size())] = static_cast<char>(random());
    CHECK(read_records(bytes, 4).size() <= 1);
  }
}

}  // namespace
}  // namespace sluice::broker::publisher
