// See prepared_files.hpp.
#include "storage/prepared_files.hpp"

#include <system_error>

#include "storage/small_put.hpp"

namespace sluice::storage {

namespace {

using Prepared = PreparedFiles::Prepared;

std::optional<Prepared> prepare(const Root& root, const SmallPut& put,
                                const PreparedFiles::Slot& slot) {
  Prepared prepared{slot.name};
  if (slot.is_spare) {
    const SpareFiles::Spare spare = open_spare(root, slot.name);
    prepared.was_spare =
        spare.file && write_over(spare, put.bytes.bytes(), put.stamp, put.preserve);
    if (prepared.was_spare) return prepared;
    prepared.was_useless = spare.is_useless;
  }
  // Why not is found out by the publisher, which tries again.
  if (!write_new(root.spare.get(), slot.name, put.bytes.bytes(), put.stamp, put.preserve))
    return std::nullopt;
  return prepared;
}

}  // namespace

void PreparedFiles::begin(std::vector<SmallPut>&& puts, std::vector<Slot>&& slots) {
  drop();
  std::vector<std::promise<std::optional<Prepared>>> promises(puts.size());
  for (std::size_t i = 0; i < puts.size(); ++i)
    coming_[puts[i].stamp.version] = promises[i].get_future();
  try {
    writer_ = std::async(std::launch::async, [root = root_, puts = std::move(puts), slots,
                                              promises = std::move(promises)]() mutable noexcept {
      for (std::size_t i = 0; i < puts.size(); ++i)
        promises[i].set_value(prepare(*root, puts[i], slots[i]));
    });
  } catch (const std::system_error&) {
    // No thread to be had: the publisher writes them all.
    coming_.clear();
    for (const Slot& slot : slots)
      if (slot.is_spare) unlink_at(root_->spare.get(), slot.name);
  }
}

std::optional<PreparedFiles::Prepared> PreparedFiles::take(std::uint64_t version) {
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
