// `sluice put`: see upload.hpp.
#include "client/shell/upload.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

constexpr std::uint32_t permission_bits = 07777;

}  // namespace

Upload::Upload(const UploadOptions& options, Invocation& run)
    : options_(options), run_(run), client_(run.client()), pool_(transfers_at_once) {}

void Upload::add(const std::string& local, const std::string& remote) {
  struct stat about {};
  if (::stat(local.c_str(), &about) != 0) {
    // Missing is missing, on either side.
    if (errno == ENOENT) return run_.report(Error("not_found", local, "on this machine"));
    return run_.report(Error("local_io", local, std::strerror(errno)));
  }
  if (S_ISREG(about.st_mode)) {
    add_file(local, remote, static_cast<std::uint64_t>(about.st_size));
  } else if (!S_ISDIR(about.st_mode)) {
    pool_.add([=, this] { send_pipe(local, remote); });
  } else if (options_.recursive) {
    add_directory(local, remote, 0, about);
  } else {
    run_.report(Error("is_directory", local, {}));
  }
}

void Upload::run() {
  if (walks_left_ == 0) run_.progress().totals_are_final();
  pool_.run();
  set_directory_attributes();
  summary_.print(run_, options_.recursive);
}

void Upload::add_file(const std::string& local, const std::string& remote,
                      std::uint64_t size_bytes) {
  run_.progress().expect(1, size_bytes);
  pool_.add([=, this] { send_file(local, remote, size_bytes); });
}

void Upload::add_directory(const std::string& local, const std::string& remote, std::size_t depth,
                           const struct stat& about) {
  // The root's own attributes are not a client's to set.
  if (!remote.empty()) {
    const std::lock_guard lock(mutex_);
    directories_.push_back(
        {remote, about.st_mode & permission_bits, mtime_ns_of(about.st_mtim), depth});
  }
  ++walks_left_;
  pool_.add([=, this] {
    walk(local, remote, depth);
    if (--walks_left_ == 0) run_.progress().totals_are_final();
  });
}

void Upload::send_file(const std::string& local, const std::string& remote,
                       std::uint64_t size_bytes) {
  Change change = run_.under_own_lock(options_.change, {remote});
  change.if_absent = options_.keep_existing;
  Call call = run_.call();
  call.progress = run_.progress().watch(size_bytes);
  const LocalFile file{.path = local, .keep_mode = true, .keep_mtime = options_.recursive};
  try {
    summary_.file(remote, client_.put_file(remote, file, change, call), size_bytes);
  } catch (const Error& error) {
    failed(error);
  }
  run_.progress().file_done();
}

void Upload::send_pipe(const std::string& local, const std::string& remote) {
  const int fd = ::open(local.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return run_.report(Error("local_io", local, std::strerror(errno)));
  const std::shared_ptr<void> closer(nullptr, [fd](void*) { ::close(fd); });
  Change change = run_.under_own_lock(options_.change, {remote});
  change.if_absent = options_.keep_existing;
  InputStream input(fd, local, run_.interruption());
  std::uint64_t size_bytes = 0;
  auto stream = [&](char* buffer, std::size_t size) {
    const std::size_t got = input.read(buffer, size);
    size_bytes += got;
    return got;
  };
  Call call = run_.call();
  call.progress = run_.progress().watch(0);
  try {
    const std::uint64_t version = client_.put_stream(remote, stream, change, call);
    summary_.file(remote, version, size_bytes);
  } catch (const Error& error) {
    failed(error);
  }
}

void Upload::failed(const Error& error) {
  if (options_.recursive && options_.keep_existing && error.code() == "exists") {
    summary_.kept();
  } else {
    run_.report(error);
  }
}

void Upload::walk(const std::string& local, const std::string& remote, std::size_t depth) {
  run_.interruption().check();
  if (!make_directory(remote, depth == 0)) return;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(local.c_str()));
  if (!directory) return run_.report(Error("local_io", local, std::strerror(errno)));

  struct Child {
    std::string name;
    struct stat about;
  };
  std::vector<Child> files;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    Child child{name, {}};
    if (::fstatat(::dirfd(directory.get()), name.c_str(), &child.about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT)
        run_.report(Error("local_io", joined(local, name), std::strerror(errno)));
    } else if (S_ISDIR(child.about.st_mode)) {
      add_directory(joined(local, name), joined(remote, name), depth + 1, child.about);
    } else if (S_ISREG(child.about.st_mode)) {
      files.push_back(std::move(child));
    } else {
      const bool link = S_ISLNK(child.about.st_mode);
      run_.warn(joined(local, name), link ? "skipped a symbolic link" : "skipped a special file");
    }
  }
  // Added last, done first: so few wait however large the tree is.
  for (const Child& child : files)
    add_file(joined(local, child.name), joined(remote, child.name),
             static_cast<std::uint64_t>(child.about.st_size));
}

bool Upload::make_directory(const std::string& remote, bool is_top) {
  if (remote.empty()) return true;
  try {
    try {
      // Directories above the top one are not made by the way.
      client_.make_directory(remote, !is_top, run_.under_own_lock(options_.change, {remote}),
                             run_.call());
    } catch (const Error& error) {
      if (!is_top || error.code() != "exists") throw;
      client_.make_directory(remote, true, run_.under_own_lock(options_.change, {remote}),
                             run_.call());
    }
  } catch (const Error& error) {
    run_.report(error);
    const std::lock_guard lock(mutex_);
    std::erase_if(directories_, [&](const Directory& d) { return d.remote == remote; });
    return false;
  }
  summary_.directory();
  return true;
}

void Upload::set_directory_attributes() {
  std::sort(directories_.begin(), directories_.end(),
            [](const Directory& a, const Directory& b) { return a.depth > b.depth; });
  for (auto begin = directories_.begin(); begin != directories_.end();) {
    const auto end = std::find_if(begin, directories_.end(), [&](const Directory& directory) {
      return directory.depth != begin->depth;
    });
    for (; begin != end; ++begin)
      pool_.add([this, directory = *begin] {
        Change change = run_.under_own_lock(options_.change, {directory.remote});
        change.mode = directory.mode;
        change.mtime_ns = directory.mtime_ns;
        try {
          client_.set_attributes(directory.remote, change, run_.call());
        } catch (const Error& error) {
          run_.report(error);
        }
      });
    pool_.run();
  }
}

}  // namespace sluice::shell
