// PosixStorage: staging of copies. Nothing here can be seen in the tree. Workers.
// Uploads: posix_uploads.cpp.
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <memory>

#include "protocol/limits.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/own_names.hpp"
#include "storage/place.hpp"
#include "storage/posix_storage.hpp"

namespace sluice::storage {

namespace limits = protocol::limits;

namespace {

// A new file of that name; an older one is unlinked and not written over, as somebody may have it
// open.
Descriptor create_fresh(int directory, const std::string& name) {
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL;
  Descriptor file = open_at(directory, name, flags, 0600);
  if (file || errno != EEXIST || !unlink_at(directory, name)) return file;
  return open_at(directory, name, flags, 0600);
}

// False: errno. Stops at the end of a source that has become shorter; `copied` tells.
bool copy_by_hand(int from, int to, std::uint64_t size, std::uint64_t& copied) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(limits::chunk_bytes);
  while (copied < size) {
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(limits::chunk_bytes, size - copied));
    const ssize_t got = read_at(from, buffer.get(), most, copied);
    if (got <= 0) return got == 0;
    const auto part = static_cast<std::size_t>(got);
    if (!write_at(to, {buffer.get(), part}, copied)) return false;
    copied += part;
  }
  return true;
}

// False: errno. Copies up to `end`, or to where a source ends that has become shorter.
bool copy_data(int from, int to, std::uint64_t end, std::uint64_t& copied) {
  while (copied < end) {
    auto from_offset = static_cast<off64_t>(copied);
    auto to_offset = from_offset;
    const ssize_t got = uninterrupted([&] {
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(end - copied, 1u << 30));
      return ::copy_file_range(from, &from_offset, to, &to_offset, most, 0);
    });
    if (got < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
      return copy_by_hand(from, to, end, copied);
    if (got <= 0) return got == 0;
    copied += static_cast<std::uint64_t>(got);
  }
  return true;
}

// Moves `copied` over the hole that is there, if any; `end` is where the next one begins. At the
// end of the file, or of the `size` bytes wanted, they are the same. False: errno.
bool skip_hole(int from, std::uint64_t size, std::uint64_t& copied, std::uint64_t& end) {
  struct stat info;
  if (::fstat(from, &info) != 0) return false;
  const auto most = std::min(size, static_cast<std::uint64_t>(info.st_size));
  const off_t data = ::lseek(from, static_cast<off_t>(copied), SEEK_DATA);
  const off_t hole = data < 0 ? data : ::lseek(from, data, SEEK_HOLE);
  if (hole < 0 && errno != ENXIO) return false;
  copied = hole < 0 ? most : std::min(most, static_cast<std::uint64_t>(data));
  end = hole < 0 ? most : std::min(most, static_cast<std::uint64_t>(hole));
  return true;
}

// `cloned`: the bytes are shared with the source, and were not read. Holes stay holes.
bool copy_bytes(int from, int to, std::uint64_t size, std::uint64_t& copied, bool& cloned) {
  copied = size;
  cloned = ::ioctl(to, FICLONE, from) == 0;
  // All of it was cloned, also what was added by hand since its size was looked at.
  if (cloned) return ::ftruncate(to, static_cast<off_t>(size)) == 0;
  copied = 0;
  while (copied < size) {
    std::uint64_t end = 0;
    if (!skip_hole(from, size, copied, end)) return false;
    if (copied == end) break;
    if (!copy_data(from, to, end, copied)) return false;
    if (copied < end) break;
  }
  return ::ftruncate(to, static_cast<off_t>(copied)) == 0;
}

// The leaves of the source's version, if they are stored and belong to its root digest. False: make
// them.
bool copy_leaves(const Root& own, const FileStamp& stamp, int to) {
  const Descriptor file = open_at(own.digests.get(), hex_name(stamp.version), O_RDONLY);
  if (!file) return false;
  protocol::RootDigest root;
  std::uint64_t offset = 0;
  LeafReader stored(file.get(), 0, stamp.size_bytes);
  for (auto piece = stored.next(); !piece.empty(); piece = stored.next()) {
    if (!write_at(to, piece, offset)) return false;
    root.add(piece);
    offset += piece.size();
  }
  return stored.error() == 0 && root.digest() == stamp.root;
}

}  // namespace

Result<Staged> PosixStorage::stage_copy(const std::string& path, const std::string& name) {
  if (auto ok = check_own_name(name); !ok) return tl::make_unexpected(ok.error());
  Found found;
  const auto source = open_file(*root_, path, found);
  if (!source) return tl::make_unexpected(source.error());

  const int staging = root_->staging.get();
  Staged staged;
  auto copy = [&] {
    const Descriptor file = create_fresh(staging, name);
    const Descriptor leaves = file ? create_fresh(staging, leaves_name(name)) : Descriptor{};
    if (!leaves) return false;
    const auto size = static_cast<std::uint64_t>(found.info.st_size);
    bool cloned = false;
    if (!copy_bytes(source->get(), file.get(), size, staged.size_bytes, cloned)) return false;
    const auto& stamp = found.stamp.stamp;
    // What was read is looked at as well, so that a damaged file is not spread.
    if (cloned && stamp && staged.size_bytes == size && copy_leaves(*root_, *stamp, leaves.get()))
      staged.root = stamp->root;
    else if (!hash_file(file.get(), staged.size_bytes, leaves.get(), staged.root))
      return false;
    return ::fchmod(file.get(), file_mode(found.info.st_mode)) == 0 && ::fsync(file.get()) == 0 &&
           ::fdatasync(leaves.get()) == 0;
  };
  bool ok = copy();
  if (!ok && errno == ENOSPC) {
    unlink_at(staging, name);
    make_room_for(static_cast<std::uint64_t>(found.info.st_blocks) * 512);
    ok = copy();
  }
  const int error = errno;
  const bool changed = ok && found.stamp.stamp && staged.root != found.stamp.stamp->root;
  if (ok && !changed) return staged;
  unlink_at(staging, name);
  unlink_at(staging, leaves_name(name));
  if (changed)
    return protocol::fail(protocol::Code::damaged, path, "its bytes are not those of its digest");
  return failure(path, "copying it", error);
}

Result<void> PosixStorage::drop_staged(const std::string& name) {
  if (auto ok = check_own_name(name); !ok) return ok;
  const int staging = root_->staging.get();
  if (!unlink_at(staging, name) || !unlink_at(staging, leaves_name(name)))
    return failure({}, "dropping a staged file");
  return {};
}

}  // namespace sluice::storage
