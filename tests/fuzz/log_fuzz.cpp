// The reader of the commit log: takes any bytes, reads whole records in sequence and stops at the
// first that does not check out. Besides the input as it is, it is read with its checksums made
// right, so that mutations get past them.
#include <xxhash.h>

#include "broker/publisher/commit_log.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace sluice;
using broker::publisher::encode_record;
using broker::publisher::LogRecord;
using broker::publisher::ReadRecord;
using broker::publisher::RecordKind;

namespace {

constexpr std::uint64_t generation = 7;
// length u32, checksum u64; then what the checksum covers.
constexpr std::size_t prefix_bytes = 12;

LogRecord put(std::uint64_t number) {
  LogRecord record;
  record.kind = RecordKind::put_small;
  record.session = 0x1122334455667788;
  record.request_id = number;
  record.number = number;
  record.path = "a/b";
  record.staged = "1122334455667788-0000000000000001.0";
  record.size_bytes = 5;
  record.preserve.mode = 0644;
  return record;
}

std::string with_right_checksums(std::string_view segment) {
  std::string bytes(segment);
  for (std::size_t at = 0; at + prefix_bytes <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (length > bytes.size() - at - prefix_bytes) break;
    std::uint64_t checksum = XXH3_64bits(bytes.data() + at + prefix_bytes, length);
    for (std::size_t i = 12; i-- > 4; checksum >>= 8) bytes[at + i] = static_cast<char>(checksum);
    at += prefix_bytes + length;
  }
  return bytes;
}

std::string encoded(const std::vector<ReadRecord>& records) {
  std::string bytes;
  for (const ReadRecord& read : records)
    encode_record(bytes, read.record, read.data, generation, read.sequence);
  return bytes;
}

void read(std::string_view segment) {
  const auto records = broker::publisher::read_records(segment, generation);
  for (std::size_t i = 0; i < records.size(); ++i) {
    fuzz::require(i == 0 || records[i].sequence == records[i - 1].sequence + 1, "in sequence");
    const char* data = records[i].data.data();
    fuzz::require(records[i].data.empty() ||
                      (data >= segment.data() &&
                       data + records[i].data.size() <= segment.data() + segment.size()),
                  "data lies within the segment");
  }
  const std::string again = encoded(records);
  const auto repeated = broker::publisher::read_records(again, generation);
  fuzz::require(repeated.size() == records.size(), "what was read can be written and read again");
  fuzz::require(encoded(repeated) == again, "and is the same then");
  fuzz::require(broker::publisher::read_records(again, generation + 1).empty(),
                "of another generation nothing is read");
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  std::string one, many;
  encode_record(one, put(1), std::string_view("hello"), generation, 1);
  LogRecord head;
  head.kind = RecordKind::head;
  head.epoch = 3;
  head.up_to = 2'000'000;
  head.oldest = generation;
  encode_record(many, head, {}, generation, 10);
  encode_record(many, put(2), std::string_view("world"), generation, 11);
  LogRecord made;
  made.kind = RecordKind::make_directories;
  made.path = "x/y";
  made.directories = {"x", "x/y"};
  made.number = 3;
  encode_record(many, made, {}, generation, 12);
  return {one, many, many + one, many + std::string(64, '\0'), ""};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view segment = fuzz::text_of(data, size);
  read(segment);
  read(with_right_checksums(segment));
  return 0;
}
