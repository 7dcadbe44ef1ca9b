// Segments: see log_files.hpp.
#include "storage/log_files.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "protocol/limits.hpp"
#include "storage/directory.hpp"
#include "storage/disk_room.hpp"
#include "storage/failure.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;

namespace {

namespace limits = protocol::limits;

constexpr const char* spare_names[] = {"spare-0", "spare-1"};
// Room is taken in such steps where a segment has grown beyond what it began with.
constexpr std::uint64_t room_step = 1u << 20;

// A spare is written over from its start: what is behind is not missed, should this be lost.
void cut_to(int log, const char* spare, std::uint64_t most_bytes) {
  const Descriptor file = open_at(log, spare, O_RDWR);
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0) return;
  if (std::cmp_greater(info.st_size, most_bytes)) [[maybe_unused]]
    const int rc = ::ftruncate(file.get(), static_cast<off_t>(most_bytes));
}

std::optional<std::uint64_t> generation_of(std::string_view name) {
  std::uint64_t generation = 0;
  const auto [end, problem] =
      std::from_chars(name.data(), name.data() + name.size(), generation, 16);
  if (problem != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  if (name != hex_name(generation)) return std::nullopt;
  return generation;
}

std::uint64_t share_of(int on_the_disk) {
  const auto size = disk_bytes(on_the_disk);
  if (!size) return UINT64_MAX;
  return std::max<std::uint64_t>(*size / limits::log_part_of_disk, limits::log_share_min_bytes);
}

tl::unexpected<protocol::Error> failed_before() {
  return fail(Code::io_error, {}, "the log has failed before");
}

}  // namespace

Result<std::vector<std::uint64_t>> PosixLogFiles::segments() {
  const auto names = names_in(root_->log.get());
  if (!names) return failure({}, "listing the log");
  std::vector<std::uint64_t> generations;
  for (const std::string& name : *names)
    if (const auto generation = generation_of(name)) generations.push_back(*generation);
  std::sort(generations.begin(), generations.end());
  return generations;
}

Result<std::string> PosixLogFiles::read(std::uint64_t generation) {
  const Descriptor file = open_at(root_->log.get(), hex_name(generation), O_RDONLY);
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0) return failure({}, "opening a log segment");
  // Replay acts on what it reads, so that must not vanish if the power goes meanwhile.
  if (::fsync(file.get()) != 0) return failure({}, "syncing a log segment");
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t got = read_at(file.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return failure({}, "reading a log segment");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

bool PosixLogFiles::take_spare(const std::string& name) {
  for (const char* spare : spare_names) {
    if (!rename_at(root_->log.get(), spare, root_->log.get(), name, RENAME_NOREPLACE)) continue;
    if (Descriptor file = open_at(root_->log.get(), name, O_RDWR)) {
      segment_ = std::move(file);
      return true;
    }
    // The old segment goes on, and this one is a spare as before.
    (void)rename_at(root_->log.get(), name, root_->log.get(), spare, RENAME_NOREPLACE);
    return false;
  }
  return false;
}

void PosixLogFiles::keep_spare() {
  const int log = root_->log.get();
  for (const char* spare : spare_names)
    if (::faccessat(log, spare, F_OK, 0) == 0) return;
  const Descriptor file = open_at(log, spare_names[0], O_RDWR | O_CREAT | O_EXCL, 0600);
  const auto size = std::min<std::uint64_t>(limits::log_reserve_bytes, share_bytes_);
  if (!file || (has_room(log, size) && grow_to(file.get(), size))) return;
  unlink_at(log, spare_names[0]);
}

Result<void> PosixLogFiles::start(std::uint64_t generation) {
  const std::string name = hex_name(generation);
  const int log = root_->log.get();
  if (failed_) return failed_before();
  if (::faccessat(log, name.c_str(), F_OK, 0) == 0)
    return fail(Code::exists, {}, "there is a log segment of this generation");
  if (!take_spare(name)) {
    Descriptor file = open_at(log, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!file) return failure({}, "making a log segment");
    segment_ = std::move(file);
  }
  share_bytes_ = share_of(log);
  // Only to save work later: on a full disk the segment grows as it is written.
  const auto size = std::min<std::uint64_t>(limits::log_segment_bytes, share_bytes_);
  if (has_room(log, size)) (void)grow_to(segment_.get(), size);
  struct stat info;
  room_end_ = ::fstat(segment_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  keep_spare();
  end_ = 0;
  settled_ = false;
  return {};
}

Result<void> PosixLogFiles::reserve(std::uint64_t bytes) {
  const std::uint64_t wanted = end_ + bytes;
  if (!segment_ || wanted <= room_end_) return {};
  const std::uint64_t step = (wanted + room_step - 1) / room_step * room_step;
  const bool whole_step = has_room(root_->log.get(), step - room_end_);
  const std::uint64_t size = whole_step ? step : wanted;
  if (grow_to(segment_.get(), size)) {
    room_end_ = size;
    return {};
  }
  // Where room cannot be taken beforehand, the append tells.
  if (errno == EOPNOTSUPP) return {};
  return failure({}, "making room in the log");
}

Result<void> PosixLogFiles::append(std::string_view bytes) {
  if (failed_) return failed_before();
  if (!segment_) return fail(Code::io_error, {}, "no log segment was started");
  std::size_t written = 0;
  if (write_at(segment_.get(), bytes, end_, &written)) {
    end_ += bytes.size();
    room_end_ = std::max(room_end_, end_);
    return {};
  }
  return take_back(written, failure({}, "writing the log"));
}

// Part of a batch may hold whole records, which must not count after a crash: they were refused.
Result<void> PosixLogFiles::take_back(std::size_t written, tl::unexpected<protocol::Error> why) {
  if (written == 0) return why;
  const std::string nothing(written, '\0');
  failed_ = !write_at(segment_.get(), nothing, end_) || ::fdatasync(segment_.get()) != 0;
  if (failed_) return fail(Code::io_error, {}, "a part of a record cannot be taken back");
  return why;
}

Result<void> PosixLogFiles::sync() {
  if (failed_) return failed_before();
  if (!segment_) return fail(Code::io_error, {}, "no log segment was started");
  const bool ok = settled_ ? ::fdatasync(segment_.get()) == 0
                           : ::fsync(segment_.get()) == 0 && ::fsync(root_->log.get()) == 0;
  // The system forgets after the first report what it could not write; a second sync would lie.
  failed_ = !ok;
  if (failed_) return failure({}, "syncing the log");
  settled_ = true;
  return {};
}

Result<void> PosixLogFiles::drop_before(std::uint64_t generation) {
  const auto generations = segments();
  if (!generations) return tl::make_unexpected(generations.error());
  const int log = root_->log.get();
  bool dropped = false;
  for (const std::uint64_t old : *generations) {
    if (old >= generation) break;
    const std::string name = hex_name(old);
    if (!become_spare(name) && !unlink_at(log, name)) return failure({}, "dropping a log segment");
    dropped = true;
  }
  // A segment that came back after a power loss would be replayed.
  if (dropped && ::fsync(log) != 0) return failure({}, "dropping log segments");
  return {};
}

// Not with all that it has grown to while a checkpoint took its time.
bool PosixLogFiles::become_spare(const std::string& name) {
  const int log = root_->log.get();
  for (const char* spare : spare_names) {
    if (!rename_at(log, name, log, spare, RENAME_NOREPLACE)) continue;
    cut_to(log, spare, share_bytes_);
    return true;
  }
  return false;
}

void PosixLogFiles::make_room() {
  const int log = root_->log.get();
  if (::faccessat(log, spare_names[0], F_OK, 0) == 0) unlink_at(log, spare_names[1]);
  for (const char* spare : spare_names)
    cut_to(log, spare, std::min<std::uint64_t>(limits::log_reserve_bytes, share_bytes_));
  const std::uint64_t needed = end_ + limits::log_last_bytes;
  if (segment_ && needed < room_end_ &&
      ::ftruncate(segment_.get(), static_cast<off_t>(needed)) == 0)
    room_end_ = needed;
}

}  // namespace sluice::storage
