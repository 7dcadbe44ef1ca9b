// See sync.hpp.
#include "bench/sync.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "bench/threads.hpp"
#include "protocol/limits.hpp"

namespace sluice::bench {
namespace {

[[noreturn]] void raise(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A file on this machine, removed with its directory at the end.
class LocalSource {
 public:
  explicit LocalSource(std::uint64_t size_bytes) : size_bytes_(size_bytes) {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) raise(name);
    directory_ = name;
    fd_ = ::open(path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd_ < 0) raise(path());
    std::string piece(protocol::limits::chunk_bytes, '\0');
    for (std::uint64_t at = 0; at < size_bytes_; at += piece.size()) {
      piece.resize(std::min<std::uint64_t>(piece.size(), size_bytes_ - at));
      fill(at, piece.data(), piece.size());
      write(at, piece);
    }
  }
  ~LocalSource() {
    if (fd_ >= 0) ::close(fd_);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  LocalSource(const LocalSource&) = delete;
  LocalSource& operator=(const LocalSource&) = delete;

  std::string path() const { return directory_ + "/source"; }
  /// Other bytes than ever before, in another leaf than the last time.
  void change() {
    ++changes_;
    constexpr std::uint64_t leaf = protocol::limits::leaf_bytes;
    write(changes_ * 7 % (size_bytes_ / leaf) * leaf, fmt::format("{:020}", changes_));
  }

 private:
  void write(std::uint64_t at, std::string_view bytes) const {
    if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(bytes.size()))
      raise(path());
  }

  std::uint64_t size_bytes_;
  std::string directory_;
  int fd_ = -1;
  std::uint64_t changes_ = 0;
};

Turn prepare(const Options& options, sluice::Client& client, const std::string& directory,
             unsigned index) {
  const std::string path = fmt::format("{}/{}", directory, index);
  const auto source = std::make_shared<LocalSource>(options.size_bytes);
  const sluice::LocalFile local{.path = source->path(), .delta = true};
  client.put_file(path, local);
  const Change change = change_of(options);
  return [&client, path, source, local, change](Record& record) {
    source->change();
    const auto begun = Clock::now();
    client.put_file(path, local, change);
    record.done(begun);
  };
}

}  // namespace

Result run_sync(const Options& options) {
  return run_threads(options,
                     [&](sluice::Client& client, const std::string& directory, unsigned index) {
                       return prepare(options, client, directory, index);
                     });
}

}  // namespace sluice::bench
