// Reading the whole log: see replay.hpp.
#include "broker/publisher/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "broker/publisher/commit_log.hpp"
#include "broker/publisher/last_state.hpp"
#include "broker/publisher/log_writer.hpp"
#include "broker/publisher/restore.hpp"
#include "protocol/limits.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::Result;

namespace {

struct Segment {
  std::uint64_t generation = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

/// What must be known of all segments before the first change is looked at.
struct Survey {
  /// Those with records, in order.
  std::vector<Segment> segments;
  std::uint64_t last_generation = 0;
  std::uint64_t epoch = 0;
  std::uint64_t reserved_up_to = 0;
  std::uint64_t oldest = 0;
  /// By number, the place of the last record that says so. What was tried again after that, when
  /// there was room, is logged under the same number behind it.
  std::unordered_map<std::uint64_t, std::uint64_t> revoked;

  bool is_revoked(const ReadRecord& read) const {
    const auto found = revoked.find(read.record.number);
    return found != revoked.end() && read.sequence < found->second;
  }
};

void note(const ReadRecord& read, Survey& survey) {
  const LogRecord& record = read.record;
  switch (record.kind) {
    case RecordKind::head:
      survey.epoch = std::max(survey.epoch, record.epoch);
      survey.oldest = std::max(survey.oldest, record.oldest);
      survey.reserved_up_to = std::max(survey.reserved_up_to, record.up_to);
      break;
    case RecordKind::reserve_numbers:
      survey.reserved_up_to = std::max(survey.reserved_up_to, record.up_to);
      break;
    case RecordKind::dropped:
      survey.oldest = std::max(survey.oldest, record.oldest);
      break;
    case RecordKind::revoked:
      survey.revoked[record.number] = read.sequence;
      break;
    default:
      survey.reserved_up_to = std::max(survey.reserved_up_to, record.number);
      break;
  }
}

Result<Survey> survey_log(storage::LogFiles& files) {
  const auto generations = files.segments();
  if (!generations) return tl::make_unexpected(generations.error());
  Survey survey;
  for (const std::uint64_t generation : *generations) {
    survey.last_generation = std::max(survey.last_generation, generation);
    const auto bytes = files.read(generation);
    if (!bytes) return tl::make_unexpected(bytes.error());
    LogReader reader(*bytes, generation);
    Segment segment{generation, 0, 0};
    while (const auto read = reader.next()) {
      if (segment.last_sequence == 0) segment.first_sequence = read->sequence;
      segment.last_sequence = read->sequence;
      note(*read, survey);
    }
    if (segment.last_sequence != 0) survey.segments.push_back(segment);
  }
  return survey;
}

// A segment that was let go may come back with a power loss, whole or in part; it is not read. The
// others must join: each was whole before the next one began.
Result<void> keep_needed(Survey& survey) {
  std::vector<Segment>& segments = survey.segments;
  std::erase_if(segments,
                [&](const Segment& segment) { return segment.generation < survey.oldest; });
  if (segments.empty() ? survey.oldest != 0 : segments.front().generation != survey.oldest)
    return protocol::fail(Code::damaged, {},
                          fmt::format("segment {} of the commit log is missing", survey.oldest));
  for (std::size_t i = 1; i < segments.size(); ++i)
    if (segments[i].first_sequence != segments[i - 1].last_sequence + 1)
      return protocol::fail(Code::damaged, {},
                            fmt::format("records are missing at the end of segment {} of the "
                                        "commit log",
                                        segments[i - 1].generation));
  return {};
}

Result<void> read_segment(storage::LogFiles& files, std::uint64_t generation, const Survey& survey,
                          LastState& state, Recovered& recovered) {
  const auto bytes = files.read(generation);
  if (!bytes) return tl::make_unexpected(bytes.error());
  LogReader reader(*bytes, generation);
  while (const auto read = reader.next()) {
    const LogRecord& record = read->record;
    if (record.kind == RecordKind::outcomes) recovered.outcomes.add_chunk(read->data);
    if (!is_change(record.kind) || survey.is_revoked(*read)) continue;
    protocol::Published outcome;
    outcome.version = record.number;
    recovered.outcomes.remember(record.session, record.request_id, outcome);
    if (auto ok = state.add(record, read->data); !ok) return ok;
    ++recovered.changes;
  }
  return {};
}

Result<void> begin_log(storage::LogFiles& files, Recovered& recovered) {
  LogWriter writer(files, recovered.generation, recovered.next_sequence);
  if (auto ok = files.start(recovered.generation); !ok) return ok;
  writer.add_head(recovered.outcomes, recovered.epoch, recovered.reserved_up_to,
                  recovered.generation);
  if (auto ok = writer.write(); !ok) return ok;
  if (auto ok = writer.sync(); !ok) return ok;
  recovered.next_sequence = writer.next_sequence();
  return files.drop_before(recovered.generation);
}

}  // namespace

Result<Recovered> recover(storage::Storage& storage, storage::LogFiles& files) {
  auto survey = survey_log(files);
  if (!survey) return tl::make_unexpected(survey.error());
  if (auto ok = keep_needed(*survey); !ok) return tl::make_unexpected(ok.error());
  Recovered recovered;
  recovered.epoch = survey->epoch + 1;
  recovered.first_number = survey->reserved_up_to + 1;
  recovered.reserved_up_to = survey->reserved_up_to + protocol::limits::number_reserve;
  recovered.generation = survey->last_generation + 1;
  recovered.next_sequence =
      survey->segments.empty() ? 1 : survey->segments.back().last_sequence + 1;
  LastState state;
  for (const Segment& segment : survey->segments)
    if (auto ok = read_segment(files, segment.generation, *survey, state, recovered); !ok)
      return tl::make_unexpected(ok.error());
  Restore restore(storage, state);
  if (auto ok = restore.run(); !ok) return tl::make_unexpected(ok.error());
  recovered.notes = restore.notes();
  recovered.lost = restore.unlogged() + restore.lost().size();
  for (const auto& [session, request_id] : restore.lost())
    recovered.outcomes.forget(session, request_id);
  if (auto ok = storage.sync_tree(); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = begin_log(files, recovered); !ok) return tl::make_unexpected(ok.error());
  if (auto ok = storage.drop_claimed(0); !ok) return tl::make_unexpected(ok.error());
  return recovered;
}

}  // namespace sluice::broker::publisher
