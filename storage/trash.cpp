// The trash: see trash.hpp.
#include "storage/trash.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "storage/directory.hpp"
#include "storage/failure.hpp"

namespace sluice::storage {
namespace {

constexpr int unlinks_per_call = 256;
constexpr int max_depth = 32;
constexpr int max_names = 1000;

// The inode names it: unique among what lies there, but for second names of one file and for
// filesystems mounted into one another, hence the attempts.
std::string trash_name(const struct stat& info, int attempt) {
  return hex_name(info.st_ino) + (attempt ? fmt::format(".{}", attempt) : "");
}

bool rename_to_trash(const Root& root, int directory, const std::string& name,
                     const struct stat& info) {
  for (int attempt = 0; attempt < max_names; ++attempt) {
    if (rename_at(directory, name, root.trash.get(), trash_name(info, attempt), RENAME_NOREPLACE))
      return true;
    if (errno != EEXIST) return false;
  }
  return false;
}

// Unlinks at most so many names, and remembers the first problem but goes on to the others.
class Emptier {
 public:
  explicit Emptier(const Root& root) : root_(root) {}

  /// True once nothing is left in the directory.
  bool clear(int directory, int depth) {
    for (;;) {
      const int before = unlinked_;
      bool seen = false;
      if (::lseek(directory, 0, SEEK_SET) != 0) return stuck("reading the trash");
      DirectoryReader reader(directory);
      // Unlinking while reading may make the disk skip names, so an empty pass decides.
      while (const auto item = reader.next()) {
        if (unlinked_ >= unlinks_per_call) return false;
        seen = true;
        remove(directory, std::string(item->name), depth);
      }
      if (reader.error()) return errno = reader.error(), stuck("reading the trash");
      if (!seen) return true;
      if (unlinked_ == before) return false;
    }
  }
  bool unlinked_any() const { return unlinked_ > 0; }
  const std::optional<protocol::Error>& problem() const { return problem_; }

 private:
  void remove(int directory, const std::string& name, int depth) {
    const Descriptor fd = open_at(directory, name, O_PATH);
    struct stat info;
    if (!fd || ::fstat(fd.get(), &info) != 0) {
      if (errno != ENOENT) stuck("looking into the trash");
      return;
    }
    if (!S_ISDIR(info.st_mode)) {
      count(unlink_with_leaves(root_, directory, name));
    } else if (depth >= max_depth) {
      // Bounds the descriptors that are open at once; it is found again at the top.
      count(rename_to_trash(root_, directory, name, info));
    } else {
      remove_directory(directory, name, info, depth);
    }
  }

  void remove_directory(int directory, const std::string& name, const struct stat& info,
                        int depth) {
    if ((info.st_mode & 0700) != 0700) ::fchmodat(directory, name.c_str(), 0700, 0);
    const Descriptor fd = open_at(directory, name, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      if (errno != ENOENT) stuck("opening a directory in the trash");
      return;
    }
    if (!clear(fd.get(), depth + 1)) return;
    count(::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT);
  }

  void count(bool done) {
    if (done)
      ++unlinked_;
    else
      stuck("removing from the trash");
  }

  bool stuck(const char* doing) {
    if (!problem_) problem_ = failure({}, doing).value();
    return false;
  }

  const Root& root_;
  int unlinked_ = 0;
  std::optional<protocol::Error> problem_;
};

}  // namespace

bool move_to_trash(const Root& root, const Place& place, const Found& found) {
  return rename_to_trash(root, place.directory, place.name, found.info);
}

bool keep_in_trash(const Root& root, const Place& place, const Found& found) {
  const std::string name = trash_name(found.info, 0);
  if (::linkat(place.directory, place.name.c_str(), root.trash.get(), name.c_str(), 0) == 0)
    return true;
  // Left by a server that was killed before it replaced the file.
  struct stat there;
  return errno == EEXIST &&
         ::fstatat(root.trash.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         there.st_ino == found.info.st_ino;
}

bool unlink_with_leaves(const Root& root, int directory, const std::string& name) {
  const Descriptor fd = open_at(directory, name, O_PATH);
  if (!fd) return errno == ENOENT;
  Found found;
  if (!look_at(fd.get(), found)) return false;
  if (!unlink_at(directory, name)) return false;
  if (!found.is_large() || !found.stamp.stamp) return true;
  // Asked after the unlink: of two that unlink the last two names at once, one sees that none is
  // left.
  struct stat after;
  if (::fstat(fd.get(), &after) == 0 && after.st_nlink == 0)
    return unlink_at(root.digests.get(), hex_name(found.stamp.stamp->version));
  return true;
}

Result<bool> unlink_some_trash(const Root& root) {
  const Descriptor trash = reopen_directory(root.trash.get());
  if (!trash) return failure({}, "opening the trash");
  Emptier emptier(root);
  if (emptier.clear(trash.get(), 0)) return false;
  if (emptier.unlinked_any() || !emptier.problem()) return true;
  return tl::make_unexpected(*emptier.problem());
}

}  // namespace sluice::storage
