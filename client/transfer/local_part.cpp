// A part is trusted with nothing: whoever goes on with it compares digests.
#include "client/transfer/local_part.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "protocol/digest.hpp"

namespace sluice::client {

namespace {

constexpr std::size_t name_bytes_most = 255;
// Between opening and locking it may get its final name, but hardly so often.
constexpr int open_attempts = 16;

std::string path_of_part(const std::string& target, const std::string& remote_path) {
  const auto slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  const std::string name = target.substr(directory.size());
  const std::string hex = protocol::to_hex(protocol::digest_of(remote_path + '\0' + name));
  const std::string ending = ".sluice-part." + hex.substr(0, 16);
  return directory + "." + name.substr(0, name_bytes_most - 1 - ending.size()) + ending;
}

// Versions of two servers may have one number, but not one digest as well.
std::string mark_of(const PartOf& what) {
  std::string mark = "\nsluice: part of version " + std::to_string(what.version) + ", digest " +
                     protocol::to_hex(what.root) + "\n";
  return mark;
}

bool is_still(const FileHandle& file, const std::string& path, struct stat& status) {
  struct stat named {};
  return fstat(file.get(), &status) == 0 && lstat(path.c_str(), &named) == 0 &&
         status.st_ino == named.st_ino && status.st_dev == named.st_dev;
}

// False: it is not to be had.
bool lock_part(const std::string& path, FileHandle& file, struct stat& status) {
  for (int attempt = 0; attempt < open_attempts; ++attempt) {
    // 0666 and the process's umask, as for any new file.
    file = FileHandle(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!file.is_open() || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;
    if (!is_still(file, path, status)) continue;
    // Others may have put something there, in a directory that all may write to.
    return S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == geteuid();
  }
  return false;
}

}  // namespace

LocalPart open_part(const std::string& target, const PartOf& what) {
  LocalPart part;
  part.path = path_of_part(target, what.remote_path);
  struct stat status {};
  if (!lock_part(part.path, part.file, status)) return {};
  const std::string mark = mark_of(what);
  const auto end = static_cast<off_t>(what.size_bytes);
  std::string there(mark.size(), '\0');
  part.has_some = status.st_size == end + static_cast<off_t>(mark.size()) &&
                  pread(part.file.get(), there.data(), there.size(), end) ==
                      static_cast<ssize_t>(there.size()) &&
                  there == mark;
  if (part.has_some) return part;
  part.was_of_another = status.st_size > 0;
  const bool marked =
      ftruncate(part.file.get(), 0) == 0 &&
      pwrite(part.file.get(), mark.data(), mark.size(), end) == static_cast<ssize_t>(mark.size());
  if (marked) return part;
  unlink(part.path.c_str());
  return {};
}

}  // namespace sluice::client
