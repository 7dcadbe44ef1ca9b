// PosixStorage: removing, renaming, directories, modes and times. The publisher alone: as nobody
// else changes the tree, what was looked at is still there when it is changed. See
// posix_storage.hpp.
#include <cstdio>

#include "protocol/path.hpp"
#include "storage/failure.hpp"
#include "storage/posix_storage.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::fail;

namespace {

Result<bool> remove_directory(const Root& root, const Place& place, const Found& found,
                              bool recursive) {
  if (::unlinkat(place.directory, place.name.c_str(), AT_REMOVEDIR) == 0) return false;
  if (errno != ENOTEMPTY && errno != EEXIST) return failure(place.path, "removing the directory");
  if (!recursive) return fail(Code::not_empty, place.path);
  if (!move_to_trash(root, place, found)) return failure(place.path, "moving it to the trash");
  return true;
}

bool set_times(int path_fd, std::int64_t mtime_ns) {
  return ::utimensat(AT_FDCWD, descriptor_path(path_fd).c_str(), times_of(mtime_ns).data(), 0) == 0;
}

// Works with O_PATH, so that a mode that shuts out the server can be set and taken back.
bool set_mode(int path_fd, mode_t mode) {
  return ::chmod(descriptor_path(path_fd).c_str(), mode) == 0;
}

}  // namespace

Result<bool> PosixStorage::remove(const std::string& path, bool recursive) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  const auto there = look(*place);
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return fail(Code::not_found, path);
  const Found& found = **there;
  if (found.is_directory()) return remove_directory(*root_, *place, found, recursive);
  if (found.is_large()) {
    if (!move_to_trash(*root_, *place, found)) return failure(path, "moving it to the trash");
    return true;
  }
  if (::unlinkat(place->directory, place->name.c_str(), 0) != 0)
    return failure(path, "removing it");
  return false;
}

Result<bool> PosixStorage::rename(const std::string& from, const std::string& to) {
  const auto source = find_place(*root_, from);
  if (!source) return tl::make_unexpected(source.error());
  const auto moved = look(*source);
  if (!moved) return tl::make_unexpected(moved.error());
  if (!*moved) return fail(Code::not_found, from);
  if (from == to) return false;
  const bool directory = (*moved)->is_directory();
  if (directory && protocol::is_within(to, from))
    return fail(Code::bad_path, to, "nothing can be moved into itself");

  const auto target = find_place(*root_, to);
  if (!target) return tl::make_unexpected(target.error());
  if (!directory) {
    const auto there = look(*target);
    if (!there) return tl::make_unexpected(there.error());
    // Two names of one file: rename(2) would leave both.
    if (*there && (*there)->info.st_ino == (*moved)->info.st_ino &&
        (*there)->info.st_dev == (*moved)->info.st_dev) {
      if (!unlink_at(source->directory, source->name)) return failure(from, "removing it");
      return false;
    }
    auto replaced = move_into_place(source->directory, source->name, *target);
    if (!replaced && replaced.error().code == Code::is_directory) return fail(Code::exists, to);
    return replaced;
  }
  if (rename_at(source->directory, source->name, target->directory, target->name, RENAME_NOREPLACE))
    return false;
  if (errno != EEXIST) return failure(from, "renaming it");
  const auto there = look(*target);
  const bool on_file = there && *there && !(*there)->is_directory();
  return fail(on_file ? Code::not_directory : Code::exists, to);
}

Result<void> PosixStorage::make_directory(const std::string& path, const Preserve& preserve) {
  const auto place = find_place(*root_, path);
  if (!place) return tl::make_unexpected(place.error());
  const auto mode = static_cast<mode_t>(preserve.mode.value_or(0755) & 07777);
  if (::mkdirat(place->directory, place->name.c_str(), mode & 0777) != 0)
    return failure(path, "making the directory");
  const Descriptor fd = open_at(place->directory, place->name, O_PATH | O_DIRECTORY);
  if (fd && set_mode(fd.get(), mode) &&
      (!preserve.mtime_ns || set_times(fd.get(), *preserve.mtime_ns)))
    return {};
  return failure(path, "setting mode and time of the directory");
}

Result<void> PosixStorage::set_attributes(const std::string& path, const Preserve& preserve) {
  const Descriptor fd = open_beneath(root_->tree.get(), path, O_PATH | O_NOFOLLOW);
  struct stat info;
  if (!fd || ::fstat(fd.get(), &info) != 0) return failure(path, "looking at it");
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return fail(Code::not_regular, path);
  if (preserve.mode) {
    const mode_t mode = S_ISREG(info.st_mode) ? file_mode(*preserve.mode) : *preserve.mode & 07777;
    if (!set_mode(fd.get(), mode)) return failure(path, "setting its mode");
  }
  if (preserve.mtime_ns && !set_times(fd.get(), *preserve.mtime_ns))
    return failure(path, "setting its time");
  return {};
}

Result<void> PosixStorage::sync_tree() {
  if (::syncfs(root_->tree.get()) != 0) return failure({}, "syncing the filesystem");
  return {};
}

}  // namespace sluice::storage
