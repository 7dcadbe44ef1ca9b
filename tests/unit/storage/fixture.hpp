// A root in a temporary directory, and short ways to put files through it. For tests alone.
#pragma once

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "protocol/limits.hpp"
#include "storage/names.hpp"
#include "storage/posix_storage.hpp"
#include "tests/support/catch.hpp"

namespace sluice::storage::testing {

namespace fs = std::filesystem;
using protocol::Code;

inline constexpr std::size_t leaf = protocol::limits::leaf_bytes;

/// A directory of its own that goes when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = fs::temp_directory_path() / "sluice-storage-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Bytes that differ from leaf to leaf and from seed to seed.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

inline Staged staged_of(const std::string& bytes) {
  return {bytes.size(), protocol::root_of(protocol::leaves_of(bytes))};
}

inline FileStamp stamp_of(const std::string& bytes, std::uint64_t version) {
  const Staged staged = staged_of(bytes);
  return {version, staged.size_bytes, staged.root};
}

inline void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::size_t count_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

/// The code of a result: 0 (no code has it) when it succeeded.
template <class T>
Code code(const Result<T>& result) {
  if (!result) UNSCOPED_INFO(protocol::sentence(result.error()));
  return result ? Code{} : result.error().code;
}

/// The value of a result that must be there.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(protocol::sentence(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A root that is served.
struct Served {
  TemporaryDirectory directory;
  fs::path tree = directory.path();
  fs::path own = tree / ".sluice";
  std::unique_ptr<PosixStorage> storage = must(open_root(tree, Role::server));

  void upload(const std::string& name, const std::string& bytes, const Preserve& preserve = {}) {
    must(storage->begin_upload(name, bytes.size()));
    for (std::size_t at = 0; at < bytes.size(); at += protocol::limits::chunk_bytes) {
      const std::string chunk = bytes.substr(at, protocol::limits::chunk_bytes);
      must(storage->write_upload(name, at, chunk, protocol::leaves_of(chunk)));
    }
    must(storage->finish_upload(name, staged_of(bytes), preserve));
  }
  /// Puts a file through an upload; tells whether something went to the trash.
  bool put(const std::string& path, const std::string& bytes, std::uint64_t version,
           const Preserve& preserve = {}) {
    const std::string name = upload_name(7, std::to_string(version));
    upload(name, bytes, preserve);
    must(storage->claim(name, version));
    return must(storage->publish_claimed(version, path, stamp_of(bytes, version)));
  }
  bool put_small(const std::string& path, const std::string& bytes, std::uint64_t version,
                 const Preserve& preserve = {}) {
    return must(storage->publish_small(path, stamp_of(bytes, version), bytes, preserve));
  }
  Attributes attributes(const std::string& path) { return must(storage->stat(path)).attributes; }
  /// All of a snapshot, with its leaves checked against the bytes.
  std::string read_all(const std::string& snapshot) {
    std::string bytes;
    for (;;) {
      const Piece piece = must(storage->read_snapshot(snapshot, bytes.size(), 3 * leaf));
      CHECK(piece.leaves == protocol::leaves_of(piece.bytes.bytes()));
      bytes += piece.bytes.text();
      if (piece.bytes.size() < 3 * leaf) return bytes;
    }
  }
  /// How many files lie in the server's own directories, the log left out.
  std::size_t litter() const {
    std::size_t count = 0;
    for (const char* name : {"staging", "claimed", "snapshots", "digests", "trash"})
      count += count_in(own / name);
    return count;
  }
  void empty_trash() {
    for (int call = 0; must(storage->empty_trash()); ++call) REQUIRE(call < 10'000);
  }
};

/// A user who is not root and owns nothing else.
inline constexpr uid_t nobody = 65534;

/// Makes nobody the owner of a directory and all in it, where this process may.
inline void give_to_nobody(const fs::path& directory) {
  if (::geteuid() != 0) return;
  REQUIRE(::chown(directory.c_str(), nobody, nobody) == 0);
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    REQUIRE(::lchown(entry.path().c_str(), nobody, nobody) == 0);
}

/// Runs it in a process of a user who is not root, and tells what it returned.
inline bool as_nobody(const std::function<bool()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool changed = ::geteuid() != 0 || (::setresgid(nobody, nobody, nobody) == 0 &&
                                              ::setresuid(nobody, nobody, nobody) == 0);
    ::_exit(changed && run() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// A filesystem of its own in a temporary directory, where this process may mount one.
class MountedDirectory {
 public:
  MountedDirectory(const char* type, const char* options) {
    ok_ = ::mount(type, directory_.path().c_str(), type, 0, options) == 0;
    if (!ok_) WARN("skipped: no " << type << " can be mounted here");
  }
  ~MountedDirectory() {
    if (ok_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return ok_; }
  const fs::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  bool ok_ = false;
};

}  // namespace sluice::storage::testing
