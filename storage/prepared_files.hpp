// Small files that are written before it is their turn to be moved into place, by a thread of their
// own, while the publisher's waits for the sync of the log and then moves those before them: it is
// the thread that all small puts wait for. The files lie in spare/, where nothing is seen of
// them and one that is replaced can take the place of the one that replaces it. For the publisher
// alone. Read on: small_put.hpp, posix_publish.cpp.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/root.hpp"
#include "storage/small_put.hpp"
#include "storage/storage.hpp"

namespace sluice::storage {

class PreparedFiles {
 public:
  explicit PreparedFiles(std::shared_ptr<const Root> root) : root_(std::move(root)) {}
  ~PreparedFiles() { drop(); }
  PreparedFiles(const PreparedFiles&) = delete;
  PreparedFiles& operator=(const PreparedFiles&) = delete;

  /// Begins with these, a slot each. Those of before are dropped.
  void begin(std::vector<SmallPut>&& puts, std::vector<SpareFiles::Slot>&& slots);
  /// The file of this version, waited for. Nothing: it is not among them, or could not be written.
  std::optional<WrittenSmall> take(std::uint64_t version);
  /// Removes those that nobody took.
  void drop();

 private:
  std::shared_ptr<const Root> root_;
  std::unordered_map<std::uint64_t, std::future<std::optional<WrittenSmall>>> coming_;
  /// The thread.
  std::future<void> writer_;
};

}  // namespace sluice::storage
