// What a power loss leaves of the simulated disk: see sim_storage.hpp for the model.
#include <algorithm>
#include <set>

#include "tests/support/sim_storage.hpp"

namespace sluice::testing {

using protocol::EntryKind;

void SimStorage::lose_bytes(Inode& inode, Random& random) const {
  if (inode.synced || inode.kind != EntryKind::file) return;
  switch (below(random, 3)) {
    case 0:
      // An upload's file has its size from its beginning.
      if (inode.arrived.empty())
        inode.data.clear();
      else
        inode.data.assign(inode.data.size(), '\0');
      break;
    case 1:
      inode.data.assign(inode.data.size(), '\0');
      break;
    default:
      break;
  }
  inode.synced = true;
}

namespace {

// What an operation is about: the file, and the names it uses.
template <class Operation>
auto keys_of(const Operation& operation) {
  std::vector<std::pair<std::uint64_t, std::string>> keys{{operation.id, "/"}};
  if (operation.directory != 0) keys.emplace_back(operation.directory, operation.name);
  if (operation.to_directory != 0) keys.emplace_back(operation.to_directory, operation.to_name);
  return keys;
}

}  // namespace

// What was synced stands on earlier operations on the same file and names; those are durable too.
void SimStorage::force_what_is_needed() {
  std::set<std::pair<std::uint64_t, std::string>> needed;
  for (auto operation = unsynced_.rbegin(); operation != unsynced_.rend(); ++operation) {
    const auto keys = keys_of(*operation);
    for (const auto& key : keys) operation->forced = operation->forced || needed.contains(key);
    if (operation->forced) needed.insert(keys.begin(), keys.end());
  }
}

void SimStorage::keep_operations(Random& random) {
  force_what_is_needed();
  const std::uint64_t mode = below(random, 3);
  std::size_t prefix = 0;
  if (mode == 0) {
    std::size_t forced = 0;
    for (std::size_t i = 0; i < unsynced_.size(); ++i)
      if (unsynced_[i].forced) forced = i + 1;
    prefix = forced + below(random, unsynced_.size() - forced + 1);
  }
  const unsigned percent = 10 + static_cast<unsigned>(below(random, 90));
  std::set<std::pair<std::uint64_t, std::string>> lost;
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const Operation& operation = unsynced_[i];
    const auto keys = keys_of(operation);
    bool kept = operation.forced || i < prefix || (mode == 1 && chance(random, percent));
    for (const auto& key : keys) kept = kept && !lost.contains(key);
    if (!kept || !apply(durable_, operation)) lost.insert(keys.begin(), keys.end());
  }
}

void SimStorage::power_loss(Random& random) {
  keep_operations(random);
  unsynced_.clear();
  current_ = durable_;
  collect_garbage();
  durable_ = current_;
  for (auto& [id, inode] : inodes_) lose_bytes(inode, random);
  // What the first start after a boot does: leaves may be recorded whose bytes were lost, and
  // snapshots may be links to files whose bytes were.
  current_.directories.at(snapshots_).clear();
  durable_ = current_;
  for (const auto& [name, id] : current_.directories.at(staging_))
    inodes_.at(id).forgotten = !inodes_.at(id).arrived.empty();
}

}  // namespace sluice::testing
