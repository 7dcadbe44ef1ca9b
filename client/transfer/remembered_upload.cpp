// One file of 16 bytes an upload, named by a digest of what is uploaded where to.
#include "client/transfer/remembered_upload.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "client/transfer/file_handle.hpp"
#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::client {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t id_bytes = 16;
// The server has dropped them long before.
constexpr std::chrono::hours forgotten_after{24 * 7};

// As the XDG base directory specification has it; "" if there is no home, or it cannot be made.
std::string uploads_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string directory;
  if (state && state[0] == '/')
    directory = state;
  else if (home && home[0] == '/')
    directory = std::string(home) + "/.local/state";
  else
    return "";
  directory += "/sluice";
  std::error_code problem;
  fs::create_directories(directory, problem);
  directory += "/uploads";
  if (problem || (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)) return "";
  return directory;
}

std::optional<std::string> read_id(const std::string& path) {
  const FileHandle file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!file.is_open() || fstat(file.get(), &status) != 0) return std::nullopt;
  // Somebody else's would let them see what is uploaded.
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) return std::nullopt;
  char bytes[id_bytes + 1];
  if (read(file.get(), bytes, sizeof bytes) != id_bytes) return std::nullopt;
  return std::string(bytes, id_bytes);
}

// Appears whole or not at all, and never in the place of another. False: errno.
bool write_id(const std::string& path, const std::string& id, const std::string& random) {
  const std::string fresh = path + "." + random;
  const FileHandle file(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const bool written = file.is_open() && write_all(file, id, fresh).has_value();
  const bool linked = written && link(fresh.c_str(), path.c_str()) == 0;
  const int error = errno;
  if (file.is_open()) unlink(fresh.c_str());
  errno = error;
  return linked;
}

void drop_old(const std::string& directory) {
  std::error_code problem;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(directory, problem), end; !problem && at != end;
       at.increment(problem)) {
    std::error_code gone;
    const auto then = fs::last_write_time(at->path(), gone);
    if (!gone && now - then > forgotten_after) fs::remove(at->path(), gone);
  }
}

}  // namespace

RememberedUpload RememberedUpload::recall(const std::string& key) {
  runtime::SystemSecrets secrets;
  RememberedUpload upload;
  upload.id_ = {secrets.bytes(id_bytes)};
  const std::string directory = key.empty() ? "" : uploads_directory();
  if (directory.empty()) return upload;
  const std::string path = directory + "/" + protocol::to_hex(protocol::digest_of(key));
  // A second time if another process was there first.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const auto known = read_id(path)) {
      upload.id_ = {*known};
      upload.was_begun_ = true;
      upload.path_ = path;
      return upload;
    }
    drop_old(directory);
    if (write_id(path, upload.id_, protocol::to_hex(secrets.bytes(8)))) {
      upload.path_ = path;
      return upload;
    }
    if (errno != EEXIST) return upload;
  }
  // Something that is no id, and stays so: of no use to anybody.
  unlink(path.c_str());
  return upload;
}

void RememberedUpload::forget() {
  if (path_.empty()) return;
  if (read_id(path_) == std::string(id_)) unlink(path_.c_str());
  path_.clear();
}

}  // namespace sluice::client
