// Writing the commit log: see log_writer.hpp.
#include "broker/publisher/log_writer.hpp"

namespace sluice::broker::publisher {

void LogWriter::add(const LogRecord& record, std::span<const char> data) {
  encode_record(gathered_, record, data, generation_, next_sequence_ + gathered_records_);
  ++gathered_records_;
}

Result<void> LogWriter::write() {
  if (gathered_.empty()) return {};
  auto done = files_.append(gathered_);
  if (done) {
    next_sequence_ += gathered_records_;
    written_bytes_ += gathered_.size();
    unsynced_ = true;
  }
  forget_gathered();
  return done;
}

Result<void> LogWriter::write_leaving(std::uint64_t bytes) {
  if (auto reserved = files_.reserve(gathered_.size() + bytes); !reserved) {
    forget_gathered();
    return reserved;
  }
  return write();
}

void LogWriter::forget_gathered() {
  gathered_.clear();
  gathered_records_ = 0;
}

Result<void> LogWriter::sync() {
  auto done = files_.sync();
  if (done) unsynced_ = false;
  return done;
}

Result<void> LogWriter::start_next() {
  if (auto done = files_.start(++tried_); !done) return done;
  generation_ = tried_;
  written_bytes_ = 0;
  return {};
}

void LogWriter::add_head(const Outcomes& outcomes, std::uint64_t epoch, std::uint64_t up_to,
                         std::uint64_t oldest) {
  for (const std::string& chunk : outcomes.chunks()) {
    LogRecord record;
    record.kind = RecordKind::outcomes;
    add(record, chunk);
  }
  LogRecord head;
  head.kind = RecordKind::head;
  head.epoch = epoch;
  head.up_to = up_to;
  head.oldest = oldest;
  add(head);
}

}  // namespace sluice::broker::publisher
