// Reading a file of the lock journal: see journal_content.hpp.
#include "broker/locks/journal_content.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/record_frame.hpp"

namespace sluice::broker::locks {
namespace {

// The frame with the head: kind, whole, follows.
constexpr std::size_t head_frame_bytes = frame_header_bytes + 1 + 1 + 8;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t prefix_bytes = length_bytes + 8;
constexpr std::size_t sequence_at = prefix_bytes + 8;
// Places that look like a frame are looked at closer, so many at most: whoever chooses names could
// make many.
constexpr int most_places = 1000;

std::uint64_t integer_at(std::string_view bytes, std::size_t at, std::size_t size) {
  bytes.remove_prefix(at);
  return take_integer(bytes, size);
}

struct Records {
  std::optional<JournalHead> head;
  bool whole = false;
  std::vector<std::pair<std::uint64_t, std::optional<JournaledLock>>> changes;
};

// Nothing: they make no sense.
std::optional<Records> read_content(std::string_view content, bool with_changes) {
  Records records;
  const bool sound = read_records(
      content,
      {[&](JournaledLock lock) {
         const std::uint64_t number = lock.number;
         if (with_changes) records.changes.emplace_back(number, std::move(lock));
       },
       [&](std::uint64_t number) {
         if (with_changes) records.changes.emplace_back(number, std::nullopt);
       },
       [&](const JournalHead& found) { records.head = found, records.whole |= found.whole; },
       [&] { records.whole = true; }});
  if (!sound) return std::nullopt;
  return records;
}

void apply(Records&& records, HeldLocks& held) {
  for (auto& [number, lock] : records.changes) {
    if (lock)
      held[number] = std::move(*lock);
    else
      held.erase(number);
  }
}

struct Place {
  std::size_t at = 0;
  /// With which the frame there checks out.
  std::uint64_t seed = 0;
};

// With what the frame behind a bad one may check out: the checksum that the bad one gives, if its
// content alone is bad, and the one that it should give, if its checksum alone is.
std::vector<std::uint64_t> seeds_of(std::string_view bytes, std::size_t at,
                                    std::uint64_t generation, std::uint64_t sequence,
                                    std::uint64_t seed) {
  std::string_view rest = bytes.substr(std::min(at, bytes.size()));
  if (rest.size() < frame_header_bytes) return {};
  std::vector<std::uint64_t> seeds{integer_at(rest, length_bytes, 8)};
  const std::size_t length = integer_at(rest, 0, length_bytes);
  if (length < frame_header_bytes - prefix_bytes || length > rest.size() - prefix_bytes)
    return seeds;
  std::string frame(rest.substr(0, prefix_bytes + length));
  seeds.push_back(finish_frame(frame, 0, generation, sequence, seed));
  return seeds;
}

// The first frame of that generation behind `at`, where none checks out.
std::optional<Place> find_frame_behind(std::string_view bytes, std::size_t at,
                                       std::uint64_t generation, std::uint64_t last_sequence,
                                       std::uint64_t seed) {
  const auto seeds = seeds_of(bytes, at, generation, last_sequence + 1, seed);
  std::string mark;
  put_integer(mark, generation, 8);
  int places = 0;
  for (std::size_t found = bytes.find(mark, at + prefix_bytes + 1);
       found != std::string_view::npos && places < most_places;
       found = bytes.find(mark, found + 1)) {
    const std::size_t begin = found - prefix_bytes;
    if (bytes.size() - begin < frame_header_bytes) return std::nullopt;
    const std::uint64_t sequence = integer_at(bytes, begin + sequence_at, 8);
    if (sequence <= last_sequence || sequence - last_sequence > UINT32_MAX) continue;
    ++places;
    for (const std::uint64_t tried : seeds) {
      std::string_view rest = bytes.substr(begin);
      if (take_frame(rest, generation, tried)) return Place{begin, tried};
    }
    // Or the next one says that this one was its predecessor.
    const std::uint64_t checksum = integer_at(bytes, begin + length_bytes, 8);
    const std::size_t next = begin + prefix_bytes + integer_at(bytes, begin, length_bytes);
    if (next > bytes.size()) continue;
    std::string_view rest = bytes.substr(next);
    const auto frame = take_frame(rest, generation, checksum);
    if (frame && frame->sequence == sequence + 1) return Place{next, checksum};
  }
  return std::nullopt;
}

// The generation of a file whose head is bad, as the frame behind it tells.
std::optional<std::uint64_t> generation_behind_head(std::string_view bytes) {
  if (bytes.size() < head_frame_bytes + frame_header_bytes) return std::nullopt;
  const std::uint64_t generation = integer_at(bytes, head_frame_bytes + prefix_bytes, 8);
  const std::uint64_t sequence = integer_at(bytes, head_frame_bytes + sequence_at, 8);
  std::string head(bytes.substr(0, head_frame_bytes));
  std::string_view rest = bytes.substr(head_frame_bytes);
  if (take_frame(rest, generation, integer_at(head, length_bytes, 8)) ||
      take_frame(rest, generation, finish_frame(head, 0, generation, sequence - 1)))
    return generation;
  // Or the one behind that says that it was its predecessor.
  const std::size_t next =
      head_frame_bytes + prefix_bytes + integer_at(bytes, head_frame_bytes, length_bytes);
  if (next > bytes.size()) return std::nullopt;
  rest = bytes.substr(next);
  if (take_frame(rest, generation, integer_at(bytes, head_frame_bytes + length_bytes, 8)))
    return generation;
  return std::nullopt;
}

}  // namespace

void read_frames(JournalContent& file, HeldLocks* held) {
  std::string_view rest = file.bytes;
  std::optional<std::uint64_t> generation;
  std::uint64_t checksum = 0;
  for (;;) {
    const auto frame = take_frame(rest, generation, checksum);
    if (!frame || (generation && frame->sequence != file.last_sequence + 1)) return;
    auto records = read_content(frame->content, held != nullptr);
    // A head is in the first frame and nowhere else.
    if (!records || records->head.has_value() == generation.has_value()) return;
    if (records->head) {
      file.head = records->head;
      file.whole = false;
      file.generation = frame->generation;
      file.first_sequence = frame->sequence;
      generation = frame->generation;
    }
    file.whole |= records->whole;
    if (held) apply(std::move(*records), *held);
    file.last_sequence = frame->sequence;
    file.last_checksum = checksum = frame->checksum;
    file.end_bytes = file.bytes.size() - rest.size();
  }
}

std::optional<std::uint64_t> generation_of(const JournalContent& file) {
  return file.head ? std::optional(file.generation) : generation_behind_head(file.bytes);
}

bool goes_on_behind_end(const JournalContent& file) {
  return find_frame_behind(file.bytes, file.end_bytes, file.generation, file.last_sequence,
                           file.last_checksum)
      .has_value();
}

std::uint64_t salvage_frames(const JournalContent& file, HeldLocks& held) {
  const auto generation = generation_of(file);
  if (!generation) return 0;
  const std::string_view bytes = file.bytes;
  Place place;
  std::uint64_t last_sequence = 0;
  for (;;) {
    std::string_view rest = bytes.substr(place.at);
    const auto frame = take_frame(rest, generation, place.seed);
    if (!frame) {
      const auto next = find_frame_behind(bytes, place.at, *generation, last_sequence, place.seed);
      if (!next) return last_sequence;
      place = *next;
      continue;
    }
    if (auto records = read_content(frame->content, true)) apply(std::move(*records), held);
    last_sequence = frame->sequence;
    place = {bytes.size() - rest.size(), frame->checksum};
  }
}

}  // namespace sluice::broker::locks
