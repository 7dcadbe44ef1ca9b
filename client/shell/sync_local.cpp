// The end of a sync on this machine: see sync_side.hpp.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "client/shell/sync_side.hpp"
#include "client/shell/target.hpp"
#include "client/shell/transfer_summary.hpp"

namespace sluice::shell {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Error failure(const std::string& path, int error) {
  return {"local_io", path, std::strerror(error)};
}

SyncEntry entry_of(std::string name, const struct stat& about) {
  SyncEntry entry{.name = std::move(name)};
  entry.kind = S_ISREG(about.st_mode)   ? Kind::file
               : S_ISDIR(about.st_mode) ? Kind::directory
                                        : Kind::other;
  if (entry.kind == Kind::file) entry.size_bytes = static_cast<std::uint64_t>(about.st_size);
  entry.mode = about.st_mode & 07777;
  entry.mtime_ns = mtime_ns_of(about.st_mtim);
  return entry;
}

}  // namespace

std::optional<SyncEntry> LocalSide::look(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) return entry_of(base_name(path), about);
  if (errno == ENOENT) return std::nullopt;
  throw failure(path, errno);
}

std::vector<SyncEntry> LocalSide::list(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
  if (!open) throw failure(directory, errno);
  std::vector<SyncEntry> entries;
  errno = 0;
  for (; const dirent* found = ::readdir(open.get()); errno = 0) {
    std::string name = found->d_name;
    if (name == "." || name == "..") continue;
    struct stat about {};
    if (::fstatat(::dirfd(open.get()), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0)
      entries.push_back(entry_of(std::move(name), about));
    else if (errno != ENOENT)
      throw failure(joined(directory, name), errno);
  }
  if (errno != 0) throw failure(directory, errno);
  std::sort(entries.begin(), entries.end(),
            [](const SyncEntry& a, const SyncEntry& b) { return a.name < b.name; });
  return entries;
}

std::string LocalSide::digest(const std::string& path, const SyncEntry& entry) {
  run_.progress().expect(1, entry.size_bytes);
  FileProgress progress(run_.progress(), path, entry.size_bytes);
  Call call = run_.call();
  call.progress = progress.callback();
  return digest_of_file(path, call);
}

void LocalSide::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) throw failure(path, errno);
}

void LocalSide::set_attributes(const std::string& path, const SyncEntry& like) {
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, timespec_of(like.mtime_ns)};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) != 0 ||
      ::chmod(path.c_str(), like.mode) != 0)
    throw failure(path, errno);
}

void LocalSide::remove(const std::string& path, const SyncEntry& entry) {
  std::error_code problem;
  if (entry.kind == Kind::directory)
    std::filesystem::remove_all(path, problem);
  else if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    problem.assign(errno, std::generic_category());
  if (problem) throw Error("local_io", path, problem.message());
}

}  // namespace sluice::shell
