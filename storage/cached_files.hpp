// Small files that are read again and again, kept open: to open a file, with its attributes, costs
// three times as much as to read it. Before each read the file itself is asked whether it is still
// the one that was found at the path: replaced, removed, renamed or changed in any way, it has
// another time of change or no name any more. A directory above that moves leaves no mark on it; so
// whoever makes the server move one says so (`tree_moves`), and no file is kept for longer than a
// second. Read on: storage.hpp (SmallFiles), workers/cached_reader.hpp.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "storage/attributes.hpp"
#include "storage/descriptor.hpp"
#include "storage/root.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

class CachedFiles final : public SmallFiles {
 public:
  explicit CachedFiles(std::shared_ptr<const Root> root) : root_(std::move(root)) {}

  std::optional<Opened> read(const std::string& path, std::size_t most_bytes,
                             std::chrono::milliseconds now) override;
  void tree_moves(bool ended) override;
  void let_go(std::chrono::milliseconds now) override;

 private:
  struct File {
    Descriptor descriptor;
    Found found;
  };
  std::optional<Opened> open(const std::string& path, std::size_t most_bytes);
  void keep(const std::string& path, Descriptor&& descriptor, const Found& found);

  std::shared_ptr<const Root> root_;
  std::unordered_map<std::string, File> files_;
  /// Since when there are some.
  std::chrono::milliseconds since_{};
  std::size_t moves_ = 0;
};

}  // namespace sluice::storage
