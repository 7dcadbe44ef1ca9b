// Reads a directory in the order the disk has it, with the position after each name, which is good
// for as long as the directory lives: the cookie of a listing. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/descriptor.hpp"

namespace sluice::storage {

struct DirectoryItem {
  /// Valid until the next call of `next`.
  std::string_view name;
  /// DT_REG and so on; DT_UNKNOWN where the filesystem does not tell.
  unsigned char type = 0;
  /// The position behind this item.
  std::uint64_t position = 0;
};

class DirectoryReader {
 public:
  /// `fd` is a directory that is open for reading and stays open; it is read from where it stands.
  explicit DirectoryReader(int fd);
  /// "." and ".." are left out. Nothing at the end, or after an error: see `error`.
  std::optional<DirectoryItem> next();
  /// errno of what went wrong, or 0.
  int error() const { return error_; }

 private:
  int fd_;
  int error_ = 0;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::unique_ptr<char[]> buffer_;
};

/// All names of an open directory, from the start. Nothing: errno.
std::optional<std::vector<std::string>> names_in(int directory);

}  // namespace sluice::storage
