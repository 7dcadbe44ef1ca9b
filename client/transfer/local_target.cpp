// No half file ever stands under the final name.
#include "client/transfer/local_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

constexpr std::chrono::milliseconds reader_look_every{50};

// What stands in the way is told as for paths on the server.
tl::unexpected<protocol::Error> failure_of(std::string_view path) {
  switch (errno) {
    case EEXIST:
      return fail(Code::exists, path, "on this machine");
    case EISDIR:
      return fail(Code::is_directory, path, "on this machine");
    case ENOTDIR:
      return fail(Code::not_directory, path, "on this machine, or what it is in");
    default:
      return local_failure(path);
  }
}

}  // namespace

Result<LocalTarget> LocalTarget::open(const LocalFile& local, const std::stop_token& stop) {
  LocalTarget target(local);
  struct stat status {};
  const bool is_there = lstat(local.path.c_str(), &status) == 0;
  if (is_there && local.if_absent) return fail(Code::exists, local.path, "on this machine");
  if (is_there && S_ISLNK(status.st_mode)) {
    // The link stays and what it points to is replaced, as with other tools that write files.
    std::error_code problem;
    const auto real = std::filesystem::canonical(local.path, problem);
    if (!problem) {
      target.local_.path = real.string();
      if (stat(target.local_.path.c_str(), &status) != 0) return local_failure(local.path);
    }
  }
  if (is_there && S_ISDIR(status.st_mode))
    return fail(Code::is_directory, local.path, "on this machine");
  if (is_there && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
    if (auto opened = target.open_as_it_is(stop); !opened)
      return tl::make_unexpected(opened.error());
    return target;
  }
  if (auto opened = target.open_temporary(); !opened) return tl::make_unexpected(opened.error());
  return target;
}

LocalTarget::LocalTarget(LocalTarget&& other) noexcept
    : local_(std::move(other.local_)),
      file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})) {}

LocalTarget::~LocalTarget() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

// A pipe is waited for until somebody reads it, or the call is to stop: no event tells of a reader.
Result<void> LocalTarget::open_as_it_is(const std::stop_token& stop) {
  while (true) {
    file_ = FileHandle(::open(local_.path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
    if (file_.is_open() && fcntl(file_.get(), F_SETFL, O_WRONLY) == 0) return {};
    if (errno != ENXIO) return local_failure(local_.path);
    if (stop.stop_requested()) return fail(Code::cancelled, local_.path, "nobody reads the pipe");
    std::this_thread::sleep_for(reader_look_every);
  }
}

Result<void> LocalTarget::open_temporary() {
  const auto slash = local_.path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? std::string() : local_.path.substr(0, slash + 1);
  temporary_ = directory + ".sluice-" +
               protocol::to_hex(std::string_view(runtime::SystemSecrets().bytes(8)));
  // 0666 and the process's umask, as for any new file.
  file_ = FileHandle(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file_.is_open()) return {};
  temporary_.clear();
  return failure_of(local_.path);
}

Result<void> LocalTarget::write(std::string_view bytes) {
  return write_all(file_, bytes, local_.path);
}

Result<void> LocalTarget::finish(const Attributes& attributes) {
  if (temporary_.empty()) return {};
  if (local_.keep_mode && fchmod(file_.get(), attributes.mode & 07777) != 0)
    return local_failure(local_.path);
  if (local_.keep_mtime) {
    std::int64_t seconds = attributes.mtime_ns / 1'000'000'000;
    std::int64_t nanoseconds = attributes.mtime_ns % 1'000'000'000;
    if (nanoseconds < 0) {
      nanoseconds += 1'000'000'000;
      --seconds;
    }
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    if (futimens(file_.get(), times) != 0) return local_failure(local_.path);
  }
  const char* from = temporary_.c_str();
  const char* to = local_.path.c_str();
  int moved = -1;
  if (!local_.if_absent) {
    moved = rename(from, to);
  } else {
    moved = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    // Not every filesystem knows that flag.
    if (moved != 0 && errno == EINVAL) moved = link(from, to) == 0 ? unlink(from) : -1;
  }
  if (moved != 0) return failure_of(local_.path);
  temporary_.clear();
  return {};
}

}  // namespace sluice::client
