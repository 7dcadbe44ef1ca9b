// Records as bytes and back: see commit_log.hpp.
#include "broker/publisher/commit_log.hpp"

#include "broker/record_frame.hpp"

namespace sluice::broker::publisher {

void encode_record(std::string& out, const LogRecord& record, std::span<const char> data,
                   std::uint64_t generation, std::uint64_t sequence) {
  const std::string body = protocol::encode(record);
  const std::size_t begin = out.size();
  out.append(frame_header_bytes, '\0');
  put_integer(out, body.size(), 4);
  out += body;
  out.append(data.data(), data.size());
  finish_frame(out, begin, generation, sequence);
}

std::optional<ReadRecord> LogReader::next() {
  std::string_view rest = rest_;
  rest_ = {};
  const auto frame = take_frame(rest, generation_);
  if (!frame || frame->content.size() < 4) return std::nullopt;
  if (last_sequence_ && frame->sequence != *last_sequence_ + 1) return std::nullopt;
  std::string_view content = frame->content;
  const std::size_t body_bytes = take_integer(content, 4);
  if (body_bytes > content.size()) return std::nullopt;
  auto record = protocol::decode<LogRecord>(content.substr(0, body_bytes));
  if (!record) return std::nullopt;
  ReadRecord read;
  read.record = std::move(*record);
  read.sequence = frame->sequence;
  read.data = content.substr(body_bytes);
  last_sequence_ = frame->sequence;
  rest_ = rest;
  return read;
}

std::vector<ReadRecord> read_records(std::string_view segment, std::uint64_t generation) {
  std::vector<ReadRecord> records;
  LogReader reader(segment, generation);
  while (auto record = reader.next()) records.push_back(std::move(*record));
  return records;
}

}  // namespace sluice::broker::publisher
