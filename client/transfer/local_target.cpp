// No half file ever stands under the final name.
#include "client/transfer/local_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "protocol/digest.hpp"
#include "protocol/limits.hpp"
#include "runtime/secrets.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::fail;
using protocol::Result;
namespace limits = protocol::limits;

namespace {

constexpr std::chrono::milliseconds reader_look_every{50};

// How many of the bytes are in whole leaves of nothing but zeros, at the beginning. The last leaf
// of a file may be short.
std::size_t zeros_at_begin(std::string_view bytes) {
  std::size_t zeros = 0;
  while (zeros < bytes.size()) {
    const std::string_view leaf = bytes.substr(zeros, limits::leaf_bytes);
    if (leaf.front() != '\0' || std::memcmp(leaf.data(), leaf.data() + 1, leaf.size() - 1) != 0)
      break;
    zeros += leaf.size();
  }
  return zeros;
}

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

Result<LocalTarget> LocalTarget::open(const LocalFile& local, const std::stop_token& stop,
                                      const std::optional<PartOf>& part) {
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
  if (local.delta && is_there)
    target.replaced_ = FileHandle(::open(target.local_.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (part && target.take_part(*part)) return target;
  if (auto opened = target.open_temporary(); !opened) return tl::make_unexpected(opened.error());
  return target;
}

LocalTarget::LocalTarget(LocalTarget&& other) noexcept
    : local_(std::move(other.local_)),
      file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})),
      is_unnamed_(other.is_unnamed_),
      is_part_(other.is_part_),
      part_has_some_(other.part_has_some_),
      found_bytes_(other.found_bytes_),
      former_version_(other.former_version_),
      replaced_(std::move(other.replaced_)) {}

LocalTarget::~LocalTarget() {
  if (!temporary_.empty() && !is_unnamed_) unlink(temporary_.c_str());
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
  // 0666 and the process's umask, as for any new file. Without a name where that can be: of a
  // process that is killed nothing stays then.
  if (::access("/proc/self/fd", X_OK) == 0)
    file_ = FileHandle(::open(slash == std::string::npos ? "." : directory.c_str(),
                              O_RDWR | O_TMPFILE | O_CLOEXEC, 0666));
  is_unnamed_ = file_.is_open();
  if (is_unnamed_) return {};
  file_ = FileHandle(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file_.is_open()) return {};
  temporary_.clear();
  return failure_of(local_.path);
}

bool LocalTarget::take_part(const PartOf& what) {
  LocalPart part = open_part(local_.path, what);
  if (!part.file.is_open()) return false;
  file_ = std::move(part.file);
  temporary_ = std::move(part.path);
  is_part_ = true;
  part_has_some_ = part.has_some;
  found_bytes_ = part.found_bytes;
  former_version_ = part.former_version;
  return true;
}

void LocalTarget::keep_part() {
  if (is_part_) temporary_.clear();
}

Result<bool> LocalTarget::holds(std::uint64_t offset, std::size_t size, std::string_view leaves) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  const auto is_in = [&](const FileHandle& file) {
    return std::cmp_equal(read_whole(file, offset, buffer.get(), size), size) &&
           protocol::leaves_of({buffer.get(), size}) == leaves;
  };
  if (part_has_some_ && is_in(file_)) return true;
  if (!replaced_.is_open() || !is_in(replaced_)) return false;
  if (auto copied = write_at(offset, {buffer.get(), size}); !copied)
    return tl::make_unexpected(copied.error());
  return true;
}

Result<void> LocalTarget::write(std::string_view bytes) {
  return write_all(file_, bytes, local_.path);
}

Result<void> LocalTarget::write_at(std::uint64_t offset, std::string_view bytes) {
  if (temporary_.empty()) return write(bytes);
  // What an earlier try has left may have other bytes there.
  if (part_has_some_) return write_through(offset, bytes);
  while (!bytes.empty()) {
    const std::size_t zeros = zeros_at_begin(bytes);
    if (auto left = leave_hole(offset, zeros); !left) return left;
    offset += zeros;
    bytes.remove_prefix(zeros);
    std::size_t size = 0;
    while (size < bytes.size() && zeros_at_begin(bytes.substr(size)) == 0)
      size = std::min(bytes.size(), size + limits::leaf_bytes);
    if (auto written = write_through(offset, bytes.substr(0, size)); !written) return written;
    offset += size;
    bytes.remove_prefix(size);
  }
  return {};
}

// Nothing was written there before, so all that may be missing is the file's size.
Result<void> LocalTarget::leave_hole(std::uint64_t offset, std::size_t size) {
  if (size == 0) return {};
  struct stat status {};
  const auto end = static_cast<off_t>(offset + size);
  if (fstat(file_.get(), &status) != 0 ||
      (status.st_size < end && ftruncate(file_.get(), end) != 0))
    return local_failure(local_.path);
  return {};
}

Result<void> LocalTarget::write_through(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return local_failure(local_.path);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// False: errno.
bool LocalTarget::take_name() {
  const char* from = temporary_.c_str();
  const char* to = local_.path.c_str();
  if (is_unnamed_) {
    // A link never replaces anything.
    const std::string unnamed = "/proc/self/fd/" + std::to_string(file_.get());
    const char* name = local_.if_absent ? to : from;
    if (linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0) return false;
    if (local_.if_absent) return true;
    is_unnamed_ = false;
  }
  if (!local_.if_absent) return rename(from, to) == 0;
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return true;
  // Not every filesystem knows that flag.
  return errno == EINVAL && link(from, to) == 0 && unlink(from) == 0;
}

Result<void> LocalTarget::finish(const Attributes& attributes) {
  if (temporary_.empty()) return {};
  if (is_part_) unmark_part(file_);
  if (local_.keep_mode && fchmod(file_.get(), attributes.mode & 07777) != 0)
    return local_failure(local_.path);
  if (local_.keep_mtime && !set_mtime(file_, attributes.mtime_ns))
    return local_failure(local_.path);
  if (!take_name()) return failure_of(local_.path);
  temporary_.clear();
  if (!is_part_) remove_part(local_.path);
  return {};
}

}  // namespace sluice::client
