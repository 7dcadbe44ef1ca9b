// The sources of uploads. A file that changes while it is read is found out by size, time of change
// and a look behind its end.
#include "client/transfer/input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "client/transfer/file_handle.hpp"
#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::fail;
using protocol::Result;

namespace {

constexpr std::size_t stream_piece_bytes = 256u << 10;

class MemoryInput final : public Input {
 public:
  explicit MemoryInput(std::string_view bytes) : bytes_(bytes) {}
  explicit MemoryInput(std::string&& owned) : owned_(std::move(owned)), bytes_(owned_) {}
  MemoryInput(const MemoryInput&) = delete;
  MemoryInput& operator=(const MemoryInput&) = delete;
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<void> read(std::uint64_t offset, char* buffer, std::size_t size) override {
    bytes_.copy(buffer, size, offset);
    return {};
  }

 private:
  std::string owned_;
  std::string_view bytes_;
};

class CallbackInput final : public Input {
 public:
  explicit CallbackInput(const Source& source) : source_(source) {}
  std::uint64_t size_bytes() const override { return source_.size_bytes; }
  Result<void> read(std::uint64_t offset, char* buffer, std::size_t size) override {
    if (source_.read(offset, buffer, size) != size)
      return fail(Code::local_io, {}, "the source ended before the size that was told");
    return {};
  }

 private:
  const Source& source_;
};

class FileInput final : public Input {
 public:
  FileInput(FileHandle file, std::string path, const struct stat& status)
      : file_(std::move(file)), path_(std::move(path)), before_(status) {}
  std::uint64_t size_bytes() const override { return static_cast<std::uint64_t>(before_.st_size); }
  Result<void> read(std::uint64_t offset, char* buffer, std::size_t size) override;
  Range next_hole(std::uint64_t offset) override;
  Result<void> check_unchanged() override;

 private:
  FileHandle file_;
  std::string path_;
  struct stat before_;
};

Result<void> FileInput::read(std::uint64_t offset, char* buffer, std::size_t size) {
  const ssize_t got = read_whole(file_, offset, buffer, size);
  if (got < 0) return local_failure(path_);
  if (std::cmp_less(got, size)) return fail(Code::source_changed, path_, "it became shorter");
  return {};
}

Range FileInput::next_hole(std::uint64_t offset) {
  constexpr std::uint64_t leaf = protocol::limits::leaf_bytes;
  const std::uint64_t size = size_bytes();
  const bool full = static_cast<std::uint64_t>(before_.st_blocks) * 512 >= size;
  while (!full && offset < size) {
    const off_t hole = lseek(file_.get(), static_cast<off_t>(offset), SEEK_HOLE);
    if (hole < 0) break;
    const off_t data = lseek(file_.get(), hole, SEEK_DATA);
    if (data < 0 && errno != ENXIO) break;
    const std::uint64_t begin = (static_cast<std::uint64_t>(hole) + leaf - 1) / leaf * leaf;
    const bool last = data < 0 || static_cast<std::uint64_t>(data) >= size;
    const std::uint64_t end = last ? size : static_cast<std::uint64_t>(data) / leaf * leaf;
    if (begin < end) return {begin, end};
    offset = last ? size : static_cast<std::uint64_t>(data);
  }
  return {size, size};
}

Result<void> FileInput::check_unchanged() {
  struct stat after {};
  if (fstat(file_.get(), &after) != 0) return local_failure(path_);
  if (after.st_size != before_.st_size || ns_of(after.st_mtim) != ns_of(before_.st_mtim))
    return fail(Code::source_changed, path_);
  return {};
}

std::string origin_of(const std::string& path) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::error_code problem;
  const auto real = std::filesystem::canonical(path, problem);
  return problem ? "" : std::string(host) + '\0' + real.string();
}

std::string spool_directory() {
  const char* configured = std::getenv("TMPDIR");
  return configured && *configured ? configured : "/tmp";
}

Result<FileHandle> make_spool(const std::string& directory, const std::string& name_for_people) {
  FileHandle file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  std::string name = directory + "/sluice-XXXXXX";
  file = FileHandle(mkostemp(name.data(), O_CLOEXEC));
  if (!file.is_open()) return local_failure(name_for_people);
  unlink(name.c_str());
  return file;
}

Result<std::unique_ptr<Input>> spool(std::string&& head, const Stream& stream, const Call& call) {
  const std::string directory = spool_directory();
  const std::string about = "a temporary file in " + directory + " ($TMPDIR)";
  auto file = make_spool(directory, about);
  if (!file) return tl::make_unexpected(file.error());
  std::uint64_t done = 0;
  std::size_t got = head.size();
  while (got > 0) {
    if (call.stop.stop_requested()) return fail(Code::cancelled);
    if (auto wrote = write_all(*file, {head.data(), got}, about); !wrote)
      return tl::make_unexpected(wrote.error());
    done += got;
    if (call.progress) call.progress(done, 0);
    head.resize(stream_piece_bytes);
    got = stream(head.data(), head.size());
  }
  struct stat status {};
  if (fstat(file->get(), &status) != 0) return local_failure(about);
  return std::make_unique<FileInput>(std::move(*file), about, status);
}

Result<LocalInput> spool_descriptor(const FileHandle& file, const std::string& path,
                                    const Call& call) {
  int problem = 0;
  const Stream stream = [&](char* buffer, std::size_t size) -> std::size_t {
    ssize_t got = 0;
    do got = ::read(file.get(), buffer, size);
    while (got < 0 && errno == EINTR && !call.stop.stop_requested());
    if (got < 0) problem = errno;
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  };
  auto input = input_from(stream, call);
  if (!input) return tl::make_unexpected(input.error());
  if (problem != 0) return fail(Code::local_io, path, std::strerror(problem));
  return LocalInput{std::move(*input), {}};
}

// The one device that everybody knows to end, and at once: the usual source of an empty file.
bool is_null_device(const struct stat& status) {
  constexpr unsigned memory_devices = 1;
  constexpr unsigned null_device = 3;
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(memory_devices, null_device);
}

// Before it is opened, which may wait, or do something to a device.
Result<void> check_kind(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return local_failure(path);
  if (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || is_null_device(status)) return {};
  if (S_ISDIR(status.st_mode)) return fail(Code::local_io, path, "is a directory");
  return fail(Code::not_regular, path,
              S_ISSOCK(status.st_mode)
                  ? "a socket on this machine"
                  : "a device on this machine, perhaps endless; what it gives can be stored as "
                    "standard input, or as a stream");
}

}  // namespace

std::unique_ptr<Input> input_from(std::string_view bytes) {
  return std::make_unique<MemoryInput>(bytes);
}

std::unique_ptr<Input> input_from(const Source& source) {
  return std::make_unique<CallbackInput>(source);
}

Result<std::unique_ptr<Input>> input_from(const Stream& stream, const Call& call) {
  std::string head(protocol::limits::small_file_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < head.size()) {
    if (call.stop.stop_requested()) return fail(Code::cancelled);
    const std::size_t got = stream(head.data() + size, head.size() - size);
    if (got == 0) {
      head.resize(size);
      return std::make_unique<MemoryInput>(std::move(head));
    }
    size += got;
  }
  return spool(std::move(head), stream, call);
}

Result<LocalInput> input_from(const LocalFile& local, const Call& call) {
  if (auto ok = check_kind(local.path); !ok) return tl::make_unexpected(ok.error());
  FileHandle file(open(local.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return local_failure(local.path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return local_failure(local.path);
  if (!S_ISREG(status.st_mode)) return spool_descriptor(file, local.path, call);
  protocol::Preserve preserve;
  if (local.keep_mode) preserve.mode = status.st_mode & 07777;
  if (local.keep_mtime) preserve.mtime_ns = ns_of(status.st_mtim);
  if (status.st_size == 0) {
    auto read = spool_descriptor(file, local.path, call);
    if (read) read->preserve = preserve;
    return read;
  }
  return LocalInput{std::make_unique<FileInput>(std::move(file), local.path, status), preserve,
                    origin_of(local.path)};
}

}  // namespace sluice::client
