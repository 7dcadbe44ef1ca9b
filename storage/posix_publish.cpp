// PosixStorage: files on their way from staging into the tree. The publisher alone. A file is
// stamped before it is moved, so what can be seen in the tree always says what it is. Other
// changes: posix_changes.cpp.
#include "protocol/limits.hpp"
#include "storage/directory.hpp"
#include "storage/failure.hpp"
#include "storage/leaves.hpp"
#include "storage/own_names.hpp"
#include "storage/posix_storage.hpp"
#include "storage/small_put.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;

namespace {

// Whether the leaves in digests/ are those of this file.
bool has_leaves(const Root& root, const FileStamp& stamp) {
  const Descriptor file = open_at(root.digests.get(), hex_name(stamp.version), O_RDONLY);
  return file && stored_root(file.get(), stamp.size_bytes) == stamp.root;
}

// For an upload that was finished before a power loss and lost its leaves with it (root.cpp). If
// they cannot be made, or the bytes are not what they were, it goes without: a server has to start,
// and whoever verifies the file is told.
void make_leaves_anew(const Root& root, int file, const FileStamp& stamp) {
  const int digests = root.digests.get();
  const std::string name = hex_name(stamp.version);
  const Descriptor leaves = open_at(digests, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (!leaves) return;
  protocol::Digest made{};
  if (!hash_file(file, stamp.size_bytes, leaves.get(), made) || made != stamp.root)
    unlink_at(digests, name);
}

// From claimed/ to digests/, if the file has more than one leaf; otherwise they are the root
// digest's only leaf.
bool publish_leaves(const Root& root, int file, const std::string& claimed,
                    const FileStamp& stamp) {
  const int from = root.claimed.get();
  if (stamp.size_bytes <= protocol::limits::leaf_bytes)
    return unlink_at(from, leaves_name(claimed));
  if (rename_at(from, leaves_name(claimed), root.digests.get(), hex_name(stamp.version)))
    return true;
  if (errno != ENOENT) return false;
  // A first attempt may have moved them already.
  if (!has_leaves(root, stamp)) make_leaves_anew(root, file, stamp);
  return true;
}

}  // namespace

Result<std::uint64_t> PosixStorage::claim(const std::string& name, std::uint64_t number) {
  if (auto ok = check_own_name(name); !ok) return tl::make_unexpected(ok.error());
  const int staging = root_->staging.get();
  const int claimed = root_->claimed.get();
  const std::string target = hex_name(number);
  struct stat info;
  if (::fstatat(staging, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return failure({}, "claiming an upload");
    // Replay asks again for what was claimed before the crash.
    if (::fstatat(claimed, target.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return info.st_ino;
    return fail(Code::unknown_upload);
  }
  // Leaves first: without them no worker writes into the upload any more.
  if (!rename_at(staging, leaves_name(name), claimed, leaves_name(target)) && errno != ENOENT)
    return failure({}, "claiming an upload");
  if (rename_at(staging, name, claimed, target)) return info.st_ino;
  if (errno == ENOENT) return fail(Code::unknown_upload);
  return failure({}, "claiming an upload");
}

Result<void> PosixStorage::drop_claimed(std::uint64_t number) {
  const int claimed = root_->claimed.get();
  std::vector<std::string> names{hex_name(number), leaves_name(hex_name(number))};
  if (number == 0) {
    auto all = names_in(claimed);
    if (!all) return failure({}, "listing the claimed files");
    names = std::move(*all);
  }
  for (const std::string& name : names)
    if (!unlink_with_leaves(*root_, claimed, name)) return failure({}, "dropping a claimed file");
  return {};
}

Result<bool> PosixStorage::publish_claimed(std::uint64_t number, const std::string& path,
                                           const FileStamp& stamp) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  const int claimed = root_->claimed.get();
  const std::string name = hex_name(number);
  const Descriptor file = open_at(claimed, name, O_RDONLY | O_NONBLOCK);
  struct stat info;
  if (!file && errno == ENOENT) return fail(Code::unknown_upload, path);
  if (!file || ::fstat(file.get(), &info) != 0) return failure(path, "opening a claimed file");
  if (static_cast<std::uint64_t>(info.st_size) != stamp.size_bytes)
    return fail(Code::damaged, path, "the uploaded file has not the size it was committed with");
  if (!write_stamp(file.get(), stamp)) return failure(path, "writing its attributes");
  if (!publish_leaves(*root_, file.get(), name, stamp)) return failure(path, "storing its leaves");
  auto replaced = move_into_place(claimed, name, *place);
  // Back to where a second attempt or drop_claimed finds them.
  if (!replaced)
    rename_at(root_->digests.get(), hex_name(stamp.version), claimed, leaves_name(name));
  return replaced;
}

Result<void> PosixStorage::adopt_spares() {
  if (!spares_.adopt()) return failure({}, "looking at the spare files");
  return {};
}

void PosixStorage::prepare_small(std::vector<SmallPut>&& puts) {
  std::vector<SpareFiles::Slot> slots;
  for (const SmallPut& put : puts) slots.push_back(spares_.slot(put.relaxed));
  prepared_.begin(std::move(puts), std::move(slots));
}

Result<bool> PosixStorage::publish_small(const std::string& path, const FileStamp& stamp,
                                         std::span<const char> bytes, const Preserve& preserve,
                                         bool relaxed) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  auto written = prepared_.take(stamp.version);
  if (!written) written = write_small(*root_, spares_.slot(relaxed), bytes, stamp, preserve);
  if (written) {
    if (written->was_spare || written->was_useless) spares_.count_use(written->was_spare);
    auto replaced = move_small(root_->spare.get(), written->name, *place);
    // Else a worker has removed it for the room it takes.
    if (replaced || replaced.error().code != Code::not_found) return replaced;
  }
  const int claimed = root_->claimed.get();
  const std::string anew = anew_name(stamp.version);
  auto in_claimed = write_new(claimed, anew, bytes, stamp, preserve);
  if (!in_claimed && in_claimed.error().code == Code::no_space && remove_spares(*root_))
    in_claimed = write_new(claimed, anew, bytes, stamp, preserve);
  if (!in_claimed) return tl::make_unexpected(in_claimed.error());
  return move_small(claimed, anew, *place);
}

// As move_into_place; a small file that is replaced becomes a spare. Removes the file where it
// cannot be moved.
Result<bool> PosixStorage::move_small(int directory, const std::string& name, const Place& place) {
  if (directory == root_->spare.get() && spares_.exchange(name, place)) return false;
  auto replaced = move_into_place(directory, name, place);
  if (!replaced) unlink_at(directory, name);
  return replaced;
}

/// Replaces what is at the place, unless it is a directory; a large file keeps a name in the trash,
/// so that the publisher does not free its blocks. Tells whether there is something in the trash.
Result<bool> PosixStorage::move_into_place(int directory, const std::string& name,
                                           const Place& place) {
  const auto there = look(place);
  if (!there) return tl::make_unexpected(there.error());
  const auto& old = *there;
  if (old && old->is_directory()) return fail(Code::is_directory, place.path);
  // A link and then one rename: exchanging the two would put the old file where replay looks for
  // the new.
  const bool large = old && old->is_large();
  const bool kept = large && keep_in_trash(*root_, place, *old);
  if (!rename_at(directory, name, place.directory, place.name))
    return failure(place.path, "moving it into place");
  if (large && !kept && old->stamp.stamp && old->info.st_nlink == 1)
    unlink_at(root_->digests.get(), hex_name(old->stamp.stamp->version));
  return kept;
}

}  // namespace sluice::storage
