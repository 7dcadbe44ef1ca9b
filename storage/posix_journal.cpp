// The lock journal's files: see posix_journal.hpp.
#include "storage/posix_journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>

#include "protocol/path.hpp"
#include "storage/disk_room.hpp"
#include "storage/failure.hpp"

namespace sluice::storage {
namespace {

constexpr const char* names[] = {"a", "b", "mark"};
constexpr std::uint64_t first_sizes[] = {256u << 10, 256u << 10, 4096};
constexpr std::uint64_t smallest_step_bytes = 256u << 10;
constexpr std::uint64_t largest_step_bytes = 16u << 20;

}  // namespace

Result<std::unique_ptr<PosixJournal>> PosixJournal::open(std::shared_ptr<const Root> root) {
  std::unique_ptr<PosixJournal> journal(new PosixJournal(std::move(root)));
  for (unsigned which = 0; which < journal->files_.size(); ++which)
    if (auto done = journal->open_file(which, 0); !done) return tl::make_unexpected(done.error());
  return journal;
}

// One that is not there stays missing, unless the flags say otherwise.
Result<void> PosixJournal::open_file(unsigned which, int flags) {
  File& file = files_.at(which);
  file.descriptor = open_at(root_->locks.get(), names[which], O_RDWR | O_NONBLOCK | flags, 0600);
  if (!file.descriptor && errno == ENOENT) return {};
  auto unusable = [&](const std::string& what) {
    return protocol::fail(protocol::Code::root_unusable, root_->path, name(which) + " " + what);
  };
  const int error = errno;
  if (!file.descriptor && error != EISDIR && error != ENXIO && error != ELOOP)
    return unusable("cannot be opened: " + std::generic_category().message(error));
  struct stat info;
  if (!file.descriptor || ::fstat(file.descriptor.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return unusable("is not a regular file: move it away");
  file.size_bytes = static_cast<std::uint64_t>(info.st_size);
  return {};
}

Result<void> PosixJournal::make() {
  for (unsigned which = 0; which < files_.size(); ++which) {
    const File& file = files_.at(which);
    if (!file.descriptor)
      if (auto done = open_file(which, O_CREAT); !done) return done;
    const std::uint64_t wanted = first_sizes[which];
    if (file.size_bytes >= wanted) continue;
    if (auto done = reserve(which, wanted); !done && done.error().code != protocol::Code::no_space)
      return done;
    if (::fsync(file.descriptor.get()) != 0) return failure(name(which), "making the lock journal");
  }
  // After a start that a power loss ended, a file may be there and its name not yet durable.
  if (::fsync(root_->locks.get()) != 0) return failure({}, "making the lock journal");
  return {};
}

std::optional<std::uint64_t> PosixJournal::size_bytes(unsigned which) const {
  const File& file = files_.at(which);
  return file.descriptor ? std::optional(file.size_bytes) : std::nullopt;
}

std::string PosixJournal::name(unsigned which) const {
  return fmt::format("{}/locks/{}", protocol::own_directory, names[which]);
}

Result<void> PosixJournal::keep_copy(unsigned which) {
  if (!files_.at(which).descriptor) return {};
  const auto bytes = read(which);
  if (!bytes) return tl::make_unexpected(bytes.error());
  const int directory = root_->locks.get();
  const std::string copy = std::string(names[which]) + ".damaged";
  const Descriptor file = open_at(directory, copy, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!file || !write_at(file.get(), *bytes, 0) || ::fsync(file.get()) != 0 ||
      ::fsync(directory) != 0)
    return failure(name(which), "keeping a copy of the damaged lock journal");
  return {};
}

Result<std::string> PosixJournal::read(unsigned which) {
  const File& file = files_.at(which);
  if (!file.descriptor) return std::string();
  std::string bytes(file.size_bytes, '\0');
  const ssize_t got = read_at(file.descriptor.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return failure(name(which), "reading the lock journal");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<void> PosixJournal::reserve(unsigned which, std::uint64_t size_bytes) {
  File& file = files_.at(which);
  if (size_bytes <= file.size_bytes) return {};
  const int descriptor = file.descriptor.get();
  errno = ENOSPC;
  if (!has_room(descriptor, size_bytes - file.size_bytes))
    return failure({}, "growing the lock journal");
  const bool grown =
      grow_to(descriptor, size_bytes) ||
      (errno == EOPNOTSUPP && ::ftruncate(descriptor, static_cast<off_t>(size_bytes)) == 0);
  if (!grown) return failure({}, "growing the lock journal");
  file.size_bytes = size_bytes;
  return {};
}

Result<void> PosixJournal::write(unsigned which, std::uint64_t offset, std::string_view bytes) {
  const File& file = files_.at(which);
  const std::uint64_t end = offset + bytes.size();
  if (end > file.size_bytes) {
    const std::uint64_t step =
        std::clamp(file.size_bytes / 4, smallest_step_bytes, largest_step_bytes);
    const std::uint64_t wanted = (end / step + 1) * step;
    // Where the disk has not even a step left, what is needed now may still fit.
    if (!reserve(which, wanted))
      if (auto done = reserve(which, end); !done) return done;
  }
  if (!write_at(file.descriptor.get(), bytes, offset))
    return failure({}, "writing the lock journal");
  return {};
}

Result<void> PosixJournal::sync(unsigned which) {
  // The system forgets after the first report what it could not write; a second sync would lie.
  if (sync_failed_)
    return protocol::fail(protocol::Code::io_error, {}, "the lock journal has failed before");
  const Descriptor& file = files_.at(which).descriptor;
  if (!file || ::fdatasync(file.get()) == 0) return {};
  auto failed = failure({}, "syncing the lock journal");
  sync_failed_ = true;
  return failed;
}

}  // namespace sluice::storage
