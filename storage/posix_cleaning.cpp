// PosixStorage: what sessions that have ended leave behind, kept uploads that nobody goes on with,
// and the trash. Workers.
#include <algorithm>
#include <charconv>
#include <ctime>

#include "protocol/limits.hpp"
#include "storage/directory.hpp"
#include "storage/disk_room.hpp"
#include "storage/failure.hpp"
#include "storage/names.hpp"
#include "storage/own_names.hpp"
#include "storage/posix_storage.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {
namespace {

// Whoever finds the disk full does not wait until a very large trash is empty.
constexpr int most_trash_calls = 16;

// The session that a name in staging or snapshots begins with; nothing if it begins otherwise.
std::optional<std::uint64_t> session_of(std::string_view name) {
  constexpr std::size_t digits = 16;
  if (name.size() <= digits || name[digits] != '-') return std::nullopt;
  std::uint64_t session = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + digits, session, 16);
  if (problem != std::errc{} || end != name.data() + digits) return std::nullopt;
  return session;
}

// When an upload was written to last; `name` may be that of its leaves, which go with it. Not the
// time of its bytes, which its end sets to what the client wants. False: errno.
bool last_change(int staging, std::string_view name, timespec& when) {
  std::string upload(name);
  if (name.ends_with(leaves_ending)) upload.resize(name.size() - leaves_ending.size());
  struct stat info;
  if (::fstatat(staging, upload.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 &&
      (errno != ENOENT ||
       ::fstatat(staging, std::string(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0))
    return false;
  when = info.st_ctim;
  return true;
}

// Kept uploads, and their leaves, that nothing was written to for so long.
Result<std::vector<std::string>> old_kept(int staging, std::chrono::milliseconds age) {
  const auto names = names_in(staging);
  if (!names) return failure({}, "listing kept uploads");
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::vector<std::string> old;
  for (const std::string& name : *names) {
    if (!is_kept_name(name)) continue;
    timespec then{};
    if (!last_change(staging, name, then)) {
      if (errno == ENOENT) continue;
      return failure({}, "looking at a kept upload");
    }
    const auto passed = std::chrono::seconds(now.tv_sec - then.tv_sec) +
                        std::chrono::nanoseconds(now.tv_nsec - then.tv_nsec);
    if (passed >= age) old.push_back(name);
  }
  return old;
}

// What these files take of the disk, as far as they can be looked at.
std::uint64_t taken_bytes(int directory, const std::vector<std::string>& names) {
  std::uint64_t blocks = 0;
  struct stat info;
  for (const std::string& name : names)
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
      blocks += static_cast<std::uint64_t>(info.st_blocks);
  return blocks * 512;
}

void empty_some_trash(const Root& root) {
  for (int i = 0; i < most_trash_calls; ++i) {
    const auto more = unlink_some_trash(root);
    if (!more || !*more) break;
  }
}

constexpr std::chrono::milliseconds keep_at_least{protocol::limits::upload_keep_min_ms};

}  // namespace

Result<void> PosixStorage::sweep_kept(std::chrono::milliseconds age) {
  const int staging = root_->staging.get();
  const auto old = old_kept(staging, age);
  if (!old) return tl::make_unexpected(old.error());
  for (const std::string& name : *old)
    if (!unlink_at(staging, name)) return failure({}, "removing a kept upload");
  return {};
}

Result<void> PosixStorage::sweep(const std::vector<std::uint64_t>& sessions, bool all_but) {
  // A name of no session belongs to nobody and goes with "all but these".
  auto is_left_over = [&](std::string_view name) {
    if (is_kept_name(name)) return false;
    const auto session = session_of(name);
    const bool named =
        session && std::find(sessions.begin(), sessions.end(), *session) != sessions.end();
    return named != all_but;
  };
  for (const Descriptor* directory : {&root_->staging, &root_->snapshots}) {
    const auto names = names_in(directory->get());
    if (!names) return failure({}, "listing what sessions left");
    for (const std::string& name : *names)
      if (is_left_over(name) && !unlink_with_leaves(*root_, directory->get(), name))
        return failure({}, "removing what a session left");
  }
  return {};
}

Result<bool> PosixStorage::empty_trash() {
  return unlink_some_trash(*root_);
}

void PosixStorage::make_room() {
  empty_some_trash(*root_);
  (void)remove_spares(*root_);
  (void)sweep_kept(keep_at_least);
}

void PosixStorage::make_room_for(std::uint64_t bytes) {
  const int staging = root_->staging.get();
  if (const auto disk = disk_bytes(staging); disk && bytes >= *disk) return;
  // Where there is room by this count, something else was missing, and all has to go.
  const bool is_counted = !has_room(staging, bytes);
  const auto has_enough = [&] { return is_counted && has_room(staging, bytes); };
  empty_some_trash(*root_);
  if (has_enough()) return;
  const auto spares = names_in(root_->spare.get());
  const auto kept = old_kept(staging, keep_at_least);
  const std::uint64_t most = (spares ? taken_bytes(root_->spare.get(), *spares) : 0) +
                             (kept ? taken_bytes(staging, *kept) : 0);
  if (bytes > most && !has_room(staging, bytes - most)) return;
  (void)remove_spares(*root_);
  if (!has_enough()) (void)sweep_kept(keep_at_least);
}

}  // namespace sluice::storage
