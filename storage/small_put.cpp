// See small_put.hpp.
#include "storage/small_put.hpp"

#include "storage/failure.hpp"

namespace sluice::storage {

namespace {

// False: errno.
bool write_over(const Spare& spare, std::span<const char> bytes, const FileStamp& stamp,
                const Preserve& preserve) {
  const int file = spare.file.get();
  if (!write_at(file, bytes, 0)) return false;
  if (std::cmp_greater(spare.info.st_size, bytes.size()) &&
      ::ftruncate(file, static_cast<off_t>(bytes.size())) != 0)
    return false;
  // Nothing written over nothing leaves the time as it was.
  if (bytes.empty() && ::futimens(file, nullptr) != 0) return false;
  return write_stamp(file, stamp) &&
         preserve_onto(file, preserve, 0644, spare.info.st_mode & mode_t{07777});
}

}  // namespace

std::optional<WrittenSmall> write_small(const Root& root, const SpareFiles::Slot& slot,
                                        std::span<const char> bytes, const FileStamp& stamp,
                                        const Preserve& preserve) {
  WrittenSmall written{slot.name};
  if (slot.is_spare) {
    const Spare spare = open_spare(root, slot.name);
    written.was_spare = spare.file && write_over(spare, bytes, stamp, preserve);
    if (written.was_spare) return written;
    written.was_useless = spare.is_useless;
    if (spare.file) unlink_at(root.spare.get(), slot.name);
  }
  if (!write_new(root.spare.get(), slot.name, bytes, stamp, preserve)) return std::nullopt;
  return written;
}

Result<void> write_new(int directory, const std::string& name, std::span<const char> bytes,
                       const FileStamp& stamp, const Preserve& preserve) {
  const Descriptor file = open_at(directory, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file && write_at(file.get(), bytes, 0) && write_stamp(file.get(), stamp) &&
      preserve_onto(file.get(), preserve, 0644))
    return {};
  const int error = errno;
  unlink_at(directory, name);
  return failure({}, "writing a file anew", error);
}

}  // namespace sluice::storage
