// A part is trusted with nothing: whoever goes on with it compares digests.
#include "client/transfer/local_part.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <charconv>

#include "protocol/digest.hpp"

namespace sluice::client {

namespace {

constexpr std::size_t name_bytes_most = 255;
// Between opening and locking it may get its final name, but hardly so often.
constexpr int open_attempts = 16;
// The unit of st_blocks, whatever blocks the filesystem has.
constexpr std::uint64_t status_block_bytes = 512;

// One a target, whatever is got there: so that none is left behind by a get of something else.
std::string path_of_part(const std::string& target) {
  const auto slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  const std::string name = target.substr(directory.size());
  const std::string hex = protocol::to_hex(protocol::digest_of(name));
  const std::string ending = ".sluice-part." + hex.substr(0, 16);
  return directory + "." + name.substr(0, name_bytes_most - 1 - ending.size()) + ending;
}

// An attribute and not a part of the file: a mark behind the end has to be cut off, which waits for
// the disk.
constexpr const char* mark_attribute = "user.sluice-part";
constexpr std::string_view mark_beginning = "version ";
constexpr std::string_view mark_middle = ", digest ";
constexpr std::string_view mark_end = ", path ";
constexpr std::size_t mark_bytes_most = 160;

// Versions of two servers may have one number, but not one digest as well.
std::string bytes_mark_of(const PartOf& what) {
  return std::string(mark_beginning) + std::to_string(what.version) + std::string(mark_middle) +
         protocol::to_hex(what.root);
}

// Where the bytes came from does not matter to whoever has use for them, only to what is told.
std::string path_mark_of(const std::string& remote_path) {
  return std::string(mark_end) + protocol::to_hex(protocol::digest_of(remote_path));
}

std::string read_mark(const FileHandle& file) {
  char bytes[mark_bytes_most];
  const ssize_t size = fgetxattr(file.get(), mark_attribute, bytes, sizeof bytes);
  return {bytes, size < 0 ? 0 : static_cast<std::size_t>(size)};
}

// Nothing if it is no mark, or of another path.
std::optional<std::uint64_t> version_of(const std::string& mark, const std::string& path_mark) {
  constexpr std::size_t digest_digits = 2 * sizeof(protocol::Digest);
  if (!mark.starts_with(mark_beginning) || !mark.ends_with(path_mark)) return std::nullopt;
  std::uint64_t version = 0;
  const char* end = mark.data() + mark.size();
  const auto [stop, problem] = std::from_chars(mark.data() + mark_beginning.size(), end, version);
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  const bool whole = problem == std::errc{} && rest.starts_with(mark_middle) &&
                     rest.size() == mark_middle.size() + digest_digits + path_mark.size();
  return whole ? std::optional(version) : std::nullopt;
}

bool is_still(const FileHandle& file, const std::string& path, struct stat& status) {
  struct stat named {};
  return fstat(file.get(), &status) == 0 && lstat(path.c_str(), &named) == 0 &&
         status.st_ino == named.st_ino && status.st_dev == named.st_dev;
}

// False: it is not to be had. `create`: O_CREAT, or nothing.
bool lock_part(const std::string& path, int create, FileHandle& file, struct stat& status) {
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    // 0666 and the process's umask, as for any new file.
    file = FileHandle(
        ::open(path.c_str(), O_RDWR | create | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!file.is_open()) return false;
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      // Where nobody can lock, nobody has it.
      if (errno != EWOULDBLOCK && create != 0) unlink(path.c_str());
      return false;
    }
    if (!is_still(file, path, status)) continue;
    // Others may have put something there, in a directory that all may write to.
    return S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == geteuid();
  }
  return false;
}

}  // namespace

LocalPart open_part(const std::string& target, const PartOf& what) {
  LocalPart part;
  part.path = path_of_part(target);
  struct stat status {};
  if (!lock_part(part.path, O_CREAT, part.file, status)) return {};
  const std::string bytes_mark = bytes_mark_of(what);
  const std::string path_mark = path_mark_of(what.remote_path);
  const std::string there = read_mark(part.file);
  const bool is_same = there.starts_with(bytes_mark + std::string(mark_end));
  part.has_some = is_same && static_cast<std::uint64_t>(status.st_size) <= what.size_bytes;
  if (part.has_some) {
    part.found_bytes = static_cast<std::uint64_t>(status.st_blocks) * status_block_bytes;
    return part;
  }
  if (!is_same) part.former_version = version_of(there, path_mark);
  const std::string mark = bytes_mark + path_mark;
  if (ftruncate(part.file.get(), 0) == 0 &&
      fsetxattr(part.file.get(), mark_attribute, mark.data(), mark.size(), 0) == 0)
    return part;
  unlink(part.path.c_str());
  return {};
}

void remove_part(const std::string& target) {
  const std::string path = path_of_part(target);
  FileHandle file;
  struct stat status {};
  if (lock_part(path, 0, file, status)) unlink(path.c_str());
}

void remove_part_of(const std::string& target, const std::string& remote_path) {
  const std::string path = path_of_part(target);
  FileHandle file;
  struct stat status {};
  if (lock_part(path, 0, file, status) && version_of(read_mark(file), path_mark_of(remote_path)))
    unlink(path.c_str());
}

void unmark_part(const FileHandle& file) {
  // One that stays does no harm.
  fremovexattr(file.get(), mark_attribute);
}

}  // namespace sluice::client
