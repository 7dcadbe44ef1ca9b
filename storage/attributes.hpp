// What is kept beside a file's bytes: the stamp (version, size, root digest) in the extended
// attribute "user.sluice", and mode and time in the inode. A file without a stamp has version 0: it
// was put into the tree by hand. Any thread; nothing is shared.
#pragma once

#include <sys/stat.h>

#include <array>
#include <optional>
#include <span>

#include "storage/descriptor.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

inline constexpr const char* stamp_attribute = "user.sluice";
/// Format 2 (1 byte), version (8), size (8), root digest (16), and the first bytes (4) of the
/// XXH3-128 of all these; integers are big-endian. Short enough to lie in an ext4 inode of 256
/// bytes: a longer one costs every file a block. Format 1 had no checksum.
inline constexpr std::size_t stamp_bytes = 37;

std::array<char, stamp_bytes> encode_stamp(const FileStamp& stamp);
/// Nothing if the bytes are not a stamp, or have changed since it was written.
std::optional<FileStamp> decode_stamp(std::span<const char> bytes);

/// The stamp of one file. `garbled`: there is an attribute, but it is no stamp, or the
/// disk could not read it.
struct StampFound {
  std::optional<FileStamp> stamp;
  bool garbled = false;
};

/// `fd` is open for reading, or, with `by_path`, with O_PATH. What may not be read counts as no
/// stamp.
StampFound read_stamp(int fd, bool by_path = false);

/// Writes the stamp of a file that is not in the tree yet, even where its mode forbids. False:
/// errno.
bool write_stamp(int fd, const FileStamp& stamp);

/// Sets mode (`default_mode` if none is given) and time of what `fd` is open on; `mode`: the one it
/// has, where that is known. False: errno.
bool preserve_onto(int fd, const Preserve& preserve, std::uint32_t default_mode,
                   std::optional<mode_t> mode = {});

/// The mode that a file gets: as asked, but the server itself must stay able to read it.
mode_t file_mode(std::uint32_t asked);

/// Access time left alone, modification time as given; for utimensat(2).
std::array<timespec, 2> times_of(std::int64_t mtime_ns);

/// A name in the tree, looked at without following it.
struct Found {
  struct stat info {};
  StampFound stamp;
  bool is_directory() const { return S_ISDIR(info.st_mode); }
  bool is_file() const { return S_ISREG(info.st_mode); }
  /// A file with more than one leaf: replaced or removed, it goes to the trash, because freeing it
  /// takes time and its leaves in digests/ go with it.
  bool is_large() const;
  Attributes attributes() const;
};

/// Looks at a descriptor that was opened with O_PATH. False: errno.
bool look_at(int path_fd, Found& found);

}  // namespace sluice::storage
