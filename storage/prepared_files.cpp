// See prepared_files.hpp.
#include "storage/prepared_files.hpp"

#include <system_error>

namespace sluice::storage {

void PreparedFiles::begin(std::vector<SmallPut>&& puts, std::vector<SpareFiles::Slot>&& slots) {
  drop();
  std::vector<std::promise<std::optional<WrittenSmall>>> promises(puts.size());
  for (std::size_t i = 0; i < puts.size(); ++i)
    coming_[puts[i].stamp.version] = promises[i].get_future();
  // Why one cannot be written is found out by the publisher, which tries again.
  try {
    writer_ = std::async(std::launch::async, [root = root_, puts = std::move(puts), slots,
                                              promises = std::move(promises)]() mutable noexcept {
      for (std::size_t i = 0; i < puts.size(); ++i)
        promises[i].set_value(
            write_small(*root, slots[i], puts[i].bytes.bytes(), puts[i].stamp, puts[i].preserve));
    });
  } catch (const std::system_error&) {
    // No thread to be had: the publisher writes them all.
    coming_.clear();
    for (const SpareFiles::Slot& slot : slots)
      if (slot.is_spare) unlink_at(root_->spare.get(), slot.name);
  }
}

std::optional<WrittenSmall> PreparedFiles::take(std::uint64_t version) {
  const auto found = coming_.find(version);
  if (found == coming_.end()) return std::nullopt;
  auto prepared = found->second.get();
  coming_.erase(found);
  return prepared;
}

void PreparedFiles::drop() {
  if (writer_.valid()) writer_.get();
  for (auto& [version, coming] : coming_)
    if (const auto prepared = coming.get()) unlink_at(root_->spare.get(), prepared->name);
  coming_.clear();
}

}  // namespace sluice::storage
