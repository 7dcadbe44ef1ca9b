// Records as bytes and back: see commit_log.hpp. The only place of the broker that includes xxhash.
#include "broker/publisher/commit_log.hpp"

#include <xxhash.h>

namespace sluice::broker::publisher {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t prefix_bytes = length_bytes + 8;
constexpr std::size_t fixed_bytes = 8 + 8 + 4;

void put_integer(std::string& out, std::uint64_t value, std::size_t size) {
  while (size-- > 0) out += static_cast<char>(value >> (size * 8));
}

std::uint64_t take_integer(std::string_view& bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(0, size))
    value = value << 8 | static_cast<unsigned char>(byte);
  bytes.remove_prefix(size);
  return value;
}

}  // namespace

void encode_record(std::string& out, const LogRecord& record, std::span<const char> data,
                   std::uint64_t generation, std::uint64_t sequence) {
  const std::string body = protocol::encode(record);
  const std::size_t length = fixed_bytes + body.size() + data.size();
  const std::size_t begin = out.size();
  put_integer(out, length, length_bytes);
  put_integer(out, 0, 8);
  put_integer(out, generation, 8);
  put_integer(out, sequence, 8);
  put_integer(out, body.size(), 4);
  out += body;
  out.append(data.data(), data.size());
  std::string checksum;
  put_integer(checksum, XXH3_64bits(out.data() + begin + prefix_bytes, length), 8);
  out.replace(begin + length_bytes, 8, checksum);
}

std::optional<ReadRecord> LogReader::next() {
  std::string_view rest = rest_;
  rest_ = {};
  if (rest.size() < prefix_bytes + fixed_bytes) return std::nullopt;
  const std::size_t length = take_integer(rest, length_bytes);
  const std::uint64_t checksum = take_integer(rest, 8);
  if (length < fixed_bytes || length > rest.size()) return std::nullopt;
  std::string_view content = rest.substr(0, length);
  // The generation first: old bytes are not worth a checksum.
  if (std::string_view peek = content; take_integer(peek, 8) != generation_) return std::nullopt;
  if (XXH3_64bits(content.data(), content.size()) != checksum) return std::nullopt;
  content.remove_prefix(8);
  ReadRecord read;
  read.sequence = take_integer(content, 8);
  if (last_sequence_ && read.sequence != *last_sequence_ + 1) return std::nullopt;
  const std::size_t body_bytes = take_integer(content, 4);
  if (body_bytes > content.size()) return std::nullopt;
  auto record = protocol::decode<LogRecord>(content.substr(0, body_bytes));
  if (!record) return std::nullopt;
  read.record = std::move(*record);
  read.data = content.substr(body_bytes);
  last_sequence_ = read.sequence;
  rest_ = rest.substr(length);
  return read;
}

std::vector<ReadRecord> read_records(std::string_view segment, std::uint64_t generation) {
  std::vector<ReadRecord> records;
  LogReader reader(segment, generation);
  while (auto record = reader.next()) records.push_back(std::move(*record));
  return records;
}

}  // namespace sluice::broker::publisher
