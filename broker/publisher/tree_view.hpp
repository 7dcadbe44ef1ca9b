// The tree as it will be after the commits of a batch that were let through so far: what the disk
// says, and over it what the batch changes. It lives for one batch and is exact for changes of
// files and for new directories; a directory that moves or goes has a batch of its own. Used by the
// publisher's thread. Read on: conditions.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/storage.hpp"

namespace sluice::broker::publisher {

using protocol::Result;

/// What is at a path.
struct Known {
  enum class What : std::uint8_t { absent, file, directory };
  What what = What::absent;
  std::uint64_t version = 0;
  /// 0: not known (made in this batch).
  std::uint64_t inode = 0;

  bool absent() const { return what == What::absent; }
  bool file() const { return what == What::file; }
  bool directory() const { return what == What::directory; }
};

class TreeView {
 public:
  explicit TreeView(storage::Storage& storage) : storage_(storage) {}

  /// Fails with `not_directory` (a part of the path is a file), `not_regular`, or as the disk
  /// fails.
  Result<Known> at(const std::string& path);
  /// Fails with `not_found` or `not_directory` and the parent's path unless that is a directory.
  Result<void> need_parent(const std::string& path);
  /// Whether a directory of the disk has no entries.
  Result<bool> is_empty(const std::string& path);
  /// What the batch makes of a path.
  void change(const std::string& path, const Known& known) { entries_[path] = {known, true}; }

 private:
  struct Seen {
    Known known;
    /// By this batch; otherwise only remembered.
    bool changed = false;
  };
  const Seen* changed_above(std::string_view path, std::string_view& where) const;

  storage::Storage& storage_;
  std::unordered_map<std::string, Seen> entries_;
};

}  // namespace sluice::broker::publisher
