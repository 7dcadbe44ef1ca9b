// The mark as bytes and back: see journal_mark.hpp.
#include "broker/locks/journal_mark.hpp"

#include "broker/record_frame.hpp"

namespace sluice::broker::locks {
namespace {

constexpr std::uint64_t format = 1;
constexpr std::size_t slot_bytes = 512;
constexpr std::size_t most_boot_bytes = 255;
// State, durability, the boot's length; checksum, sizes, guard.
constexpr std::size_t fixed_bytes = 1 + 1 + 1 + 8 + 8 + 8 + 8 + 8;

std::optional<JournalMark> read_slot(std::string_view bytes) {
  const auto frame = take_frame(bytes, format);
  if (!frame || frame->content.size() < fixed_bytes) return std::nullopt;
  std::string_view rest = frame->content;
  JournalMark mark;
  mark.count = frame->sequence;
  mark.stopped = take_integer(rest, 1) != 0;
  mark.relaxed = take_integer(rest, 1) != 0;
  const std::size_t boot_bytes = take_integer(rest, 1);
  if (rest.size() != boot_bytes + fixed_bytes - 3) return std::nullopt;
  mark.boot = rest.substr(0, boot_bytes);
  rest.remove_prefix(boot_bytes);
  mark.sequence = take_integer(rest, 8);
  mark.checksum = take_integer(rest, 8);
  for (std::uint64_t& size : mark.file_bytes) size = take_integer(rest, 8);
  mark.guard_until_ms = take_integer(rest, 8);
  return mark;
}

}  // namespace

std::optional<JournalMark> find_mark(std::string_view bytes) {
  std::optional<JournalMark> newest;
  for (std::size_t at = 0; at < 2 * slot_bytes && at < bytes.size(); at += slot_bytes) {
    auto mark = read_slot(bytes.substr(at, slot_bytes));
    if (mark && (!newest || mark->count > newest->count)) newest = std::move(mark);
  }
  return newest;
}

protocol::Result<void> write_mark(storage::JournalFiles& files, JournalMark& mark) {
  const std::string boot = mark.boot.substr(0, most_boot_bytes);
  std::string frame(frame_header_bytes, '\0');
  put_integer(frame, mark.stopped ? 1 : 0, 1);
  put_integer(frame, mark.relaxed ? 1 : 0, 1);
  put_integer(frame, boot.size(), 1);
  frame += boot;
  put_integer(frame, mark.sequence, 8);
  put_integer(frame, mark.checksum, 8);
  for (const std::uint64_t size : mark.file_bytes) put_integer(frame, size, 8);
  put_integer(frame, mark.guard_until_ms, 8);
  finish_frame(frame, 0, format, mark.count + 1);
  const std::uint64_t slot = (mark.count + 1) % 2;
  if (auto done = files.write(mark_file, slot * slot_bytes, frame); !done) return done;
  if (auto done = files.sync(mark_file); !done) return done;
  ++mark.count;
  return {};
}

}  // namespace sluice::broker::locks
