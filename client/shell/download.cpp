// `sluice get`: see download.hpp.
#include "client/shell/download.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

bool is_file_here(const std::string& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

// Nothing if it is there afterwards.
std::optional<Error> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return std::nullopt;
  const int problem = errno;
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) {
    if (S_ISDIR(about.st_mode)) return std::nullopt;
    return Error("not_directory", path, "on this machine");
  }
  if (problem == ENOTDIR) return Error("not_directory", path, "on this machine, what it is in");
  return Error("local_io", path, std::strerror(problem));
}

}  // namespace

Download::Download(const TransferOptions& options, Invocation& run)
    : options_(options),
      run_(run),
      client_(run.client()),
      pool_(transfers_at_once),
      summary_(run.json() && !options.recursive) {}

void Download::add(const std::string& remote, const std::string& local) {
  if (!options_.recursive) return add_file(remote, local, 0);
  try {
    const Attributes attributes = client_.stat(remote, run_.call());
    if (attributes.kind == Kind::directory) {
      add_directory(remote, local, 0, attributes);
    } else {
      add_file(remote, local, attributes.size_bytes);
    }
  } catch (const Error& error) {
    run_.report(error);
  }
}

void Download::run() {
  if (walks_left_ == 0) run_.progress().totals_are_final();
  pool_.run();
  set_directory_attributes();
  summary_.print(run_, options_.recursive);
}

void Download::add_file(const std::string& remote, const std::string& local,
                        std::uint64_t size_bytes) {
  run_.progress().expect(1, size_bytes);
  pool_.add([=, this] { fetch_file(remote, local, size_bytes); });
}

void Download::add_directory(const std::string& remote, const std::string& local, std::size_t depth,
                             const Attributes& attributes) {
  ++walks_left_;
  pool_.add([=, this] {
    walk(remote, local, depth, attributes);
    if (--walks_left_ == 0) run_.progress().totals_are_final();
  });
}

void Download::fetch_file(const std::string& remote, const std::string& local,
                          std::uint64_t size_bytes) {
  FileProgress progress(run_.progress(), remote, size_bytes);
  Call call = run_.call();
  call.progress = progress.callback();
  const LocalFile file{.path = local,
                       .keep_mode = true,
                       .keep_mtime = options_.recursive,
                       .if_absent = options_.keep_existing,
                       .delta = options_.delta};
  try {
    const Attributes attributes = client_.get_file(remote, file, call);
    summary_.file(remote, attributes.version, attributes.size_bytes);
  } catch (const Error& error) {
    failed(error);
  }
}

void Download::walk(const std::string& remote, const std::string& local, std::size_t depth,
                    const Attributes& attributes) {
  run_.interruption().check();
  if (const auto error = make_directory(local)) return run_.report(*error);
  summary_.directory();
  {
    const std::lock_guard lock(mutex_);
    directories_.push_back({local, attributes, depth});
  }
  std::vector<Entry> files;
  auto page = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (!is_plain_name(entry.name)) {
        run_.report(Error("bad_path", joined(remote, entry.name), "a name sent by the server"));
      } else if (entry.attributes.kind == Kind::directory) {
        add_directory(joined(remote, entry.name), joined(local, entry.name), depth + 1,
                      entry.attributes);
      } else if (entry.attributes.kind == Kind::file) {
        files.push_back(entry);
      } else {
        run_.warn(joined(remote, entry.name), "skipped a link or special file");
      }
    }
  };
  try {
    client_.list(remote, page, {.details = true}, run_.call());
  } catch (const Error& error) {
    run_.report(error);
  }
  if (options_.keep_existing)
    summary_.kept(std::erase_if(
        files, [&](const Entry& file) { return is_file_here(joined(local, file.name)); }));
  // Added last, done first: so few wait however large the tree is.
  fetch_files(remote, local, std::move(files));
}

void Download::fetch_files(const std::string& remote, const std::string& local,
                           std::vector<Entry> files) {
  std::uint64_t bytes = 0;
  for (const Entry& file : files) bytes += file.attributes.size_bytes;
  run_.progress().expect(files.size(), bytes);
  const auto batches = std::make_shared<const std::vector<std::vector<Entry>>>(
      take_batches(files, [](const Entry& file) { return file.attributes.size_bytes; }));
  pool_.add_each(batches->size(),
                 [=, this](std::size_t i) { fetch_batch(remote, local, (*batches)[i]); });
  const auto all = std::make_shared<const std::vector<Entry>>(std::move(files));
  pool_.add_each(all->size(), [=, this](std::size_t i) {
    const Entry& file = (*all)[i];
    fetch_file(joined(remote, file.name), joined(local, file.name), file.attributes.size_bytes);
  });
}

void Download::fetch_batch(const std::string& remote, const std::string& local,
                           const std::vector<Entry>& files) {
  std::vector<std::string> names;
  for (const Entry& file : files) names.push_back(file.name);
  const auto moved = [&](std::size_t place, const MovedFile& file) {
    const std::string path = joined(remote, names[place]);
    const std::uint64_t expected_bytes = files[place].attributes.size_bytes;
    if (file.error && file.error->code() == "too_large")
      return fetch_file(path, joined(local, names[place]), expected_bytes);
    FileProgress(run_.progress(), path, expected_bytes).callback()(expected_bytes, expected_bytes);
    if (file.error)
      failed(*file.error);
    else
      summary_.file(path, file.version, file.size_bytes);
  };
  try {
    client_.get_files(remote, names,
                      {.path = local,
                       .keep_mode = true,
                       .keep_mtime = options_.recursive,
                       .if_absent = options_.keep_existing},
                      moved, run_.call());
  } catch (const Error& error) {
    failed(error);
  }
}

void Download::failed(const Error& error) {
  if (options_.recursive && options_.keep_existing && error.code() == "exists") {
    summary_.kept(1);
  } else {
    run_.report(error);
  }
}

void Download::set_directory_attributes() {
  std::sort(directories_.begin(), directories_.end(),
            [](const Directory& a, const Directory& b) { return a.depth > b.depth; });
  for (const Directory& directory : directories_) {
    const std::array<timespec, 2> times{timespec{0, UTIME_OMIT},
                                        timespec_of(directory.attributes.mtime_ns)};
    if (::utimensat(AT_FDCWD, directory.local.c_str(), times.data(), 0) != 0 ||
        ::chmod(directory.local.c_str(), directory.attributes.mode) != 0)
      run_.report(Error("local_io", directory.local, std::strerror(errno)));
  }
}

}  // namespace sluice::shell
