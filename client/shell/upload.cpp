// `sluice put`: see upload.hpp.
#include "client/shell/upload.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

constexpr std::uint32_t permission_bits = 07777;

}  // namespace

Upload::Upload(const UploadOptions& options, Invocation& run)
    : options_(options),
      run_(run),
      client_(run.client()),
      pool_(transfers_at_once),
      summary_(run.json() && !options.recursive) {}

void Upload::add(const std::string& local, const std::string& remote) {
  struct stat about {};
  if (::stat(local.c_str(), &about) != 0) {
    // Missing is missing, on either side.
    if (errno == ENOENT) return run_.report(Error("not_found", local, "on this machine"));
    return run_.report(Error("local_io", local, std::strerror(errno)));
  }
  const bool is_directory = S_ISDIR(about.st_mode);
  if (S_ISREG(about.st_mode)) {
    add_file(local, remote, static_cast<std::uint64_t>(about.st_size));
  } else if (S_ISFIFO(about.st_mode)) {
    run_.progress().expect(1, 0);
    pool_.add([=, this] { send_pipe(local, remote); });
  } else if (!is_directory) {
    // Devices and sockets: the library refuses them, but for /dev/null.
    add_file(local, remote, 0);
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
  FileProgress progress(run_.progress(), local, size_bytes);
  Call call = run_.call();
  call.progress = progress.callback();
  const LocalFile file{
      .path = local, .keep_mode = true, .keep_mtime = options_.recursive, .delta = options_.delta};
  try {
    summary_.file(remote, client_.put_file(remote, file, change, call), size_bytes);
  } catch (const Error& error) {
    failed(error);
  }
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
  FileProgress progress(run_.progress(), local, 0);
  Call call = run_.call();
  call.progress = progress.callback();
  try {
    const std::uint64_t version = client_.put_stream(remote, stream, change, call);
    summary_.file(remote, version, size_bytes);
  } catch (const Error& error) {
    failed(error);
  }
}

void Upload::failed(const Error& error) {
  if (options_.recursive && options_.keep_existing && error.code() == "exists") {
    summary_.kept(1);
  } else {
    run_.report(error);
  }
}

void Upload::walk(const std::string& local, const std::string& remote, std::size_t depth) {
  run_.interruption().check();
  if (!make_directory(remote, depth == 0)) return;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(local.c_str()));
  if (!directory) return run_.report(Error("local_io", local, std::strerror(errno)));

  std::vector<LocalEntry> files;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat about {};
    if (::fstatat(::dirfd(directory.get()), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT)
        run_.report(Error("local_io", joined(local, name), std::strerror(errno)));
    } else if (S_ISDIR(about.st_mode)) {
      add_directory(joined(local, name), joined(remote, name), depth + 1, about);
    } else if (S_ISREG(about.st_mode) && is_left_by_get(name)) {
      run_.warn(joined(local, name), left_by_get);
    } else if (S_ISREG(about.st_mode)) {
      files.push_back({name, static_cast<std::uint64_t>(about.st_size)});
    } else {
      const bool link = S_ISLNK(about.st_mode);
      run_.warn(joined(local, name), link ? "skipped a symbolic link" : "skipped a special file");
    }
  }
  if (options_.keep_existing && !files.empty()) leave_out_existing(remote, files);
  // Added last, done first: so few wait however large the tree is.
  send_files(local, remote, std::move(files));
}

void Upload::send_files(const std::string& local, const std::string& remote,
                        std::vector<LocalEntry> files) {
  std::uint64_t bytes = 0;
  for (const LocalEntry& file : files) bytes += file.size_bytes;
  run_.progress().expect(files.size(), bytes);
  const auto batches = std::make_shared<const std::vector<std::vector<LocalEntry>>>(
      take_batches(files, [](const LocalEntry& file) { return file.size_bytes; }));
  pool_.add_each(batches->size(),
                 [=, this](std::size_t i) { send_batch(local, remote, (*batches)[i]); });
  const auto all = std::make_shared<const std::vector<LocalEntry>>(std::move(files));
  pool_.add_each(all->size(), [=, this](std::size_t i) { send_entry(local, remote, (*all)[i]); });
}

void Upload::send_entry(const std::string& local, const std::string& remote,
                        const LocalEntry& file) {
  send_file(joined(local, file.name), joined(remote, file.name), file.size_bytes);
}

void Upload::send_batch(const std::string& local, const std::string& remote,
                        const std::vector<LocalEntry>& files) {
  std::vector<std::string> names;
  std::vector<const LocalEntry*> entries;
  std::optional<Change> change;
  for (const LocalEntry& file : files) {
    Change own = run_.under_own_lock(options_.change, {joined(remote, file.name)});
    if (!change) change = own;
    // Another lock of this shell's own covers this one.
    if (own.token != change->token) {
      send_entry(local, remote, file);
      continue;
    }
    names.push_back(file.name);
    entries.push_back(&file);
  }
  change->if_absent = options_.keep_existing;
  const auto moved = [&](std::size_t place, const MovedFile& file) {
    const LocalEntry& entry = *entries[place];
    // A lock is waited for by one file after the other.
    const bool by_itself =
        file.error && (file.error->code() == "too_large" ||
                       (file.error->code() == "locked" && change->wait.count() > 0));
    if (by_itself) return send_entry(local, remote, entry);
    FileProgress(run_.progress(), entry.name, entry.size_bytes)
        .callback()(entry.size_bytes, entry.size_bytes);
    if (file.error)
      failed(*file.error);
    else
      summary_.file(joined(remote, entry.name), file.version, file.size_bytes);
  };
  try {
    client_.put_files(remote, names,
                      {.path = local, .keep_mode = true, .keep_mtime = options_.recursive}, moved,
                      *change, run_.call());
  } catch (const Error& error) {
    failed(error);
  }
}

// What others store meanwhile is still kept: the server refuses to replace it.
void Upload::leave_out_existing(const std::string& remote, std::vector<LocalEntry>& files) {
  const auto by_name = [](const LocalEntry& a, const LocalEntry& b) { return a.name < b.name; };
  std::sort(files.begin(), files.end(), by_name);
  std::vector<bool> there(files.size());
  auto page = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (entry.attributes.kind != Kind::file) continue;
      const auto at =
          std::lower_bound(files.begin(), files.end(), LocalEntry{entry.name, 0}, by_name);
      if (at != files.end() && at->name == entry.name)
        there[static_cast<std::size_t>(at - files.begin())] = true;
    }
  };
  try {
    client_.list(remote, page, {}, run_.call());
  } catch (const Error& error) {
    // Each file will tell better.
    if (ends_everything(error)) throw;
  }
  std::size_t at = 0;
  summary_.kept(std::erase_if(files, [&](const LocalEntry&) { return there[at++]; }));
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
