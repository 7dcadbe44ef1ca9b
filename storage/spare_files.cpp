// See spare_files.hpp.
#include "storage/spare_files.hpp"

#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>

#include "protocol/limits.hpp"
#include "storage/directory.hpp"
#include "storage/trash.hpp"

namespace sluice::storage {

namespace limits = protocol::limits;

namespace {

// Between two looks at the room on the disk, which cost a system call; and removed in one go.
constexpr std::uint64_t adds_a_look = 1024;
// After so many in a row none is kept until the next start: here something is attached to every
// file, such as the label of a security module, or nobody gives leases.
constexpr int most_useless = 64;
// What a file takes at least.
constexpr std::uint64_t block_bytes = 4096;

std::uint64_t disk_bytes_of(const struct stat& info) {
  return std::max(static_cast<std::uint64_t>(info.st_blocks) * 512, block_bytes);
}

// The kernel grants a lease for writing only if nobody else has the file open. It is given back at
// once: the name is in nobody's reach.
bool is_open_elsewhere(int fd) {
  // Broken by somebody who looks into spare/ just now, a lease tells so by SIGIO, which ends a
  // process; this signal does not.
  if (::fcntl(fd, F_SETSIG, SIGURG) != 0 || ::fcntl(fd, F_SETLEASE, F_WRLCK) != 0) return true;
  return ::fcntl(fd, F_SETLEASE, F_UNLCK) != 0;
}

// A stamp of a small file, and nothing that somebody else attached and that would go on to another
// file: access lists, labels.
bool has_only_stamp(int fd) {
  char names[64];
  const ssize_t size = ::flistxattr(fd, names, sizeof names);
  constexpr std::size_t wanted = std::char_traits<char>::length(stamp_attribute) + 1;
  if (size != wanted || std::memcmp(names, stamp_attribute, wanted) != 0) return false;
  const auto found = read_stamp(fd);
  return found.stamp && found.stamp->size_bytes <= limits::leaf_bytes;
}

// Once nobody has it open, nobody can give it another name either: so that is asked last.
bool is_usable(Spare& spare) {
  const int file = spare.file.get();
  return !is_open_elsewhere(file) && has_only_stamp(file) && ::fstat(file, &spare.info) == 0 &&
         S_ISREG(spare.info.st_mode) && spare.info.st_nlink == 1;
}

}  // namespace

bool SpareFiles::adopt() {
  look_for_room();
  const auto names = names_in(root_->spare.get());
  if (!names) return false;
  for (const std::string& name : *names) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number, 16);
    last_name_ = std::max(last_name_, number);
    struct stat info;
    if (::fstatat(root_->spare.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (takes(info)) {
      add(name, info);
    } else if (!unlink_with_leaves(*root_, root_->spare.get(), name)) {
      return false;
    }
  }
  return true;
}

bool SpareFiles::takes(const struct stat& replaced) const {
  return S_ISREG(replaced.st_mode) && replaced.st_nlink == 1 &&
         static_cast<std::uint64_t>(replaced.st_size) <= limits::leaf_bytes &&
         replaced.st_uid == ::geteuid() && replaced.st_gid == ::getegid() &&
         useless_ < most_useless && kept_.size() < limits::spare_files &&
         disk_bytes_ + disk_bytes_of(replaced) <= most_bytes_;
}

bool SpareFiles::exchange(const std::string& name, const Place& place) {
  const int spare = root_->spare.get();
  struct stat before;
  struct stat after;
  if (::fstatat(place.directory, place.name.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0 ||
      !takes(before))
    return false;
  // In this direction whoever watches the directory is told that the old file has gone, and then
  // that the new one has come; in the other one the news would end with a file that has gone.
  if (!rename_at(place.directory, place.name, spare, name, RENAME_EXCHANGE)) {
    // Not every filesystem knows how.
    if (errno == EINVAL) useless_ = most_useless;
    return false;
  }
  if (::fstatat(spare, name.c_str(), &after, AT_SYMLINK_NOFOLLOW) == 0 &&
      after.st_ino == before.st_ino) {
    add(name, before);
    return true;
  }
  // Somebody else changes the tree: that is replaced as everything else.
  rename_at(place.directory, place.name, spare, name, RENAME_EXCHANGE);
  return false;
}

void SpareFiles::add(std::string name, const struct stat& replaced) {
  const std::uint64_t bytes = disk_bytes_of(replaced);
  disk_bytes_ += bytes;
  kept_.push_back({std::move(name), bytes, ++added_, Clock::now()});
  if (added_ % adds_a_look == 0) look_for_room();
}

SpareFiles::Slot SpareFiles::slot(bool relaxed) {
  if (relaxed || kept_.empty() || kept_.front().ordinal > synced_ ||
      Clock::now() - kept_.front().since < rest_)
    return {hex_name(++last_name_), false};
  Slot slot{std::move(kept_.front().name), true};
  disk_bytes_ -= kept_.front().bytes;
  kept_.pop_front();
  return slot;
}

Spare open_spare(const Root& root, const std::string& name) {
  Spare spare;
  spare.file = open_at(root.spare.get(), name, O_RDWR | O_NONBLOCK);
  // Removed, because somebody needed the room.
  if (!spare.file && errno == ENOENT) return spare;
  if (spare.file && is_usable(spare)) return spare;
  spare.file = {};
  spare.is_useless = true;
  // If this fails, it is removed by the next start.
  unlink_with_leaves(root, root.spare.get(), name);
  return spare;
}

void SpareFiles::sync_ended() {
  synced_ = before_sync_;
  look_for_room();
}

void SpareFiles::look_for_room() {
  struct statvfs disk;
  most_bytes_ = 0;
  if (::fstatvfs(root_->spare.get(), &disk) == 0 &&
      (disk.f_files == 0 || disk.f_favail > limits::spare_files))
    most_bytes_ = std::min<std::uint64_t>(
        limits::spare_bytes, disk.f_bavail * disk.f_frsize / limits::spare_part_of_room);
  // Those replaced last go, as those before them are the next to be used.
  for (std::uint64_t i = 0; i < adds_a_look && disk_bytes_ > most_bytes_ && !kept_.empty(); ++i) {
    unlink_with_leaves(*root_, root_->spare.get(), kept_.back().name);
    disk_bytes_ -= kept_.back().bytes;
    kept_.pop_back();
  }
}

bool remove_spares(const Root& root) {
  const auto names = names_in(root.spare.get());
  if (!names) return false;
  for (const std::string& name : *names) unlink_with_leaves(root, root.spare.get(), name);
  return !names->empty();
}

}  // namespace sluice::storage
