// The lock journal's files: see posix_journal.hpp.
#include "storage/posix_journal.hpp"

#include <algorithm>

#include "storage/disk_room.hpp"
#include "storage/failure.hpp"

namespace sluice::storage {
namespace {

constexpr const char* names[] = {"a", "b"};
constexpr std::uint64_t first_bytes = 256u << 10;
constexpr std::uint64_t largest_step_bytes = 16u << 20;

}  // namespace

Result<std::unique_ptr<PosixJournal>> PosixJournal::open(std::shared_ptr<const Root> root) {
  std::unique_ptr<PosixJournal> journal(new PosixJournal(std::move(root)));
  const int directory = journal->root_->locks.get();
  for (unsigned which = 0; which < 2; ++which) {
    File& file = journal->files_.at(which);
    file.descriptor = open_at(directory, names[which], O_RDWR | O_CREAT, 0600);
    struct stat info;
    if (!file.descriptor || ::fstat(file.descriptor.get(), &info) != 0)
      return failure({}, "opening the lock journal");
    file.size_bytes = static_cast<std::uint64_t>(info.st_size);
    if (file.size_bytes >= first_bytes) continue;
    if (auto done = journal->reserve(which, first_bytes);
        !done && done.error().code != protocol::Code::no_space)
      return tl::make_unexpected(done.error());
    if (::fsync(file.descriptor.get()) != 0) return failure({}, "making the lock journal");
  }
  // After a start that a power loss ended, a file may be there and its name not yet durable.
  if (::fsync(directory) != 0) return failure({}, "making the lock journal");
  return journal;
}

Result<std::string> PosixJournal::read(unsigned which) {
  const File& file = files_.at(which);
  std::string bytes(file.size_bytes, '\0');
  const ssize_t got = read_at(file.descriptor.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return failure({}, "reading the lock journal");
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
    const std::uint64_t step = std::clamp(file.size_bytes / 4, first_bytes, largest_step_bytes);
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
  if (::fdatasync(files_.at(which).descriptor.get()) == 0) return {};
  auto failed = failure({}, "syncing the lock journal");
  sync_failed_ = true;
  return failed;
}

}  // namespace sluice::storage
