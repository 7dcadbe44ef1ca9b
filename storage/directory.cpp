// getdents64(2): see directory.hpp.
#include "storage/directory.hpp"

#include <dirent.h>

#include <cstddef>
#include <cstring>

namespace sluice::storage {
namespace {

constexpr std::size_t buffer_bytes = 32u << 10;

}  // namespace

DirectoryReader::DirectoryReader(int fd) : fd_(fd), buffer_(new char[buffer_bytes]) {}

std::optional<DirectoryItem> DirectoryReader::next() {
  for (;;) {
    if (at_ == filled_) {
      const ssize_t got =
          uninterrupted([&] { return ::getdents64(fd_, buffer_.get(), buffer_bytes); });
      // A directory that was removed meanwhile has no more names.
      if (got < 0 && errno != ENOENT) error_ = errno;
      if (got <= 0) return std::nullopt;
      at_ = 0;
      filled_ = static_cast<std::size_t>(got);
    }
    // The records are aligned for their type by the kernel, and so is the buffer.
    const auto* record = reinterpret_cast<const dirent64*>(buffer_.get() + at_);
    at_ += record->d_reclen;
    const std::string_view name(record->d_name);
    if (name == "." || name == "..") continue;
    return DirectoryItem{name, record->d_type, static_cast<std::uint64_t>(record->d_off)};
  }
}

std::optional<std::vector<std::string>> names_in(int directory) {
  const Descriptor fresh = reopen_directory(directory);
  if (!fresh) return std::nullopt;
  DirectoryReader reader(fresh.get());
  std::vector<std::string> names;
  while (const auto item = reader.next()) names.emplace_back(item->name);
  if (reader.error() == 0) return names;
  errno = reader.error();
  return std::nullopt;
}

}  // namespace sluice::storage
