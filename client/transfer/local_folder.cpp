// See local_folder.hpp.
#include "client/transfer/local_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "client/transfer/local_part.hpp"
#include "client/transfer/local_target.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

bool set_mode(int fd, std::uint32_t mode) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && ((status.st_mode & 07777) == mode || ::fchmod(fd, mode) == 0);
}

}  // namespace

Result<LocalFolder> LocalFolder::open(const LocalDirectory& local) {
  FileHandle directory(::open(local.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return local_failure(local.path);
  return LocalFolder(local, std::move(directory));
}

Result<protocol::Preserve> LocalFolder::load(const std::string& name, std::size_t most_bytes,
                                             std::string& bytes) const {
  // O_NONBLOCK: what has become a pipe meanwhile must not be waited for.
  const FileHandle file(
      ::openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat before {};
  if (!file.is_open() || ::fstat(file.get(), &before) != 0) return local_failure(path_of(name));
  const auto size = static_cast<std::size_t>(before.st_size);
  if (!S_ISREG(before.st_mode) || size > most_bytes) return fail(Code::too_large, path_of(name));
  const std::size_t begin = bytes.size();
  // One more than it has: files that are made as they are read say that they are empty.
  bytes.resize(begin + size + 1);
  const ssize_t got = read_whole(file, 0, bytes.data() + begin, size + 1);
  bytes.resize(begin + (std::cmp_equal(got, size) ? size : 0));
  struct stat after {};
  if (got < 0 || ::fstat(file.get(), &after) != 0) return local_failure(path_of(name));
  if (size == 0 && got > 0) return fail(Code::too_large, path_of(name));
  if (std::cmp_not_equal(got, size) || after.st_size != before.st_size ||
      ns_of(after.st_mtim) != ns_of(before.st_mtim)) {
    bytes.resize(begin);
    return fail(Code::source_changed, path_of(name));
  }
  protocol::Preserve preserve;
  if (local_.keep_mode) preserve.mode = before.st_mode & 07777;
  if (local_.keep_mtime) preserve.mtime_ns = ns_of(before.st_mtim);
  return preserve;
}

Result<void> LocalFolder::store(const std::string& name, std::string_view bytes,
                                const Attributes& attributes) const {
  if (make(name, bytes, attributes)) {
    remove_part(path_of(name));
    return {};
  }
  // It is there, or the filesystem has no files without a name, or there is no room: with its own
  // reasons, and its own means.
  auto target = LocalTarget::open({.path = path_of(name),
                                   .keep_mode = local_.keep_mode,
                                   .keep_mtime = local_.keep_mtime,
                                   .if_absent = local_.if_absent});
  if (!target) return tl::make_unexpected(target.error());
  if (auto written = target->write(bytes); !written) return written;
  return target->finish(attributes);
}

bool LocalFolder::make(const std::string& name, std::string_view bytes,
                       const Attributes& attributes) const {
  const mode_t mode = local_.keep_mode ? attributes.mode & 0777 : 0666;
  const FileHandle file(::openat(directory_.get(), ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode));
  if (!file.is_open() || !write_all(file, bytes, name)) return false;
  if (local_.keep_mode && !set_mode(file.get(), attributes.mode & 07777)) return false;
  if (local_.keep_mtime && !set_mtime(file, attributes.mtime_ns)) return false;
  const std::string unnamed = "/proc/self/fd/" + std::to_string(file.get());
  return ::linkat(AT_FDCWD, unnamed.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) ==
         0;
}

}  // namespace sluice::client
