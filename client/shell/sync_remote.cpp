// The end of a sync on the server: see sync_side.hpp.
#include <algorithm>

#include "client/shell/sync_side.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

SyncEntry entry_of(std::string name, const Attributes& attributes) {
  return {.name = std::move(name),
          .kind = attributes.kind,
          .size_bytes = attributes.size_bytes,
          .mode = attributes.mode,
          .mtime_ns = attributes.mtime_ns,
          .digest = attributes.digest};
}

}  // namespace

std::optional<SyncEntry> RemoteSide::look(const std::string& path) {
  try {
    return entry_of(base_name(path), client_.stat(path, run_.call()));
  } catch (const Error& error) {
    if (error.code() == "not_found") return std::nullopt;
    throw;
  }
}

std::vector<SyncEntry> RemoteSide::list(const std::string& directory) {
  std::vector<SyncEntry> entries;
  const auto page = [&](const std::vector<Entry>& found) {
    for (const Entry& entry : found) {
      // A name comes from the server: it must not lead out of the directory it is put in.
      if (!is_plain_name(entry.name))
        throw Error("bad_path", joined(directory, entry.name), "a name sent by the server");
      entries.push_back(entry_of(entry.name, entry.attributes));
    }
  };
  client_.list(directory, page, {.details = true}, run_.call());
  std::sort(entries.begin(), entries.end(),
            [](const SyncEntry& a, const SyncEntry& b) { return a.name < b.name; });
  // Made or removed while it was listed, a name may come twice.
  entries.erase(
      std::unique(entries.begin(), entries.end(),
                  [](const SyncEntry& a, const SyncEntry& b) { return a.name == b.name; }),
      entries.end());
  return entries;
}

std::string RemoteSide::digest(const std::string&, const SyncEntry& entry) {
  return entry.digest;
}

// Nobody shall run as the server's user by storing a file.
std::uint32_t RemoteSide::file_mode_bits() const {
  return 01777;
}

void RemoteSide::make_directory(const std::string& path) {
  client_.make_directory(path, false, run_.under_own_lock(change_, {path}), run_.call());
}

void RemoteSide::set_attributes(const std::string& path, const SyncEntry& like) {
  if (path.empty()) return;
  Change change = run_.under_own_lock(change_, {path});
  change.mode = like.mode;
  change.mtime_ns = like.mtime_ns;
  client_.set_attributes(path, change, run_.call());
}

void RemoteSide::remove(const std::string& path, const SyncEntry& entry) {
  try {
    client_.remove(path, entry.kind == Kind::directory, run_.under_own_lock(change_, {path}),
                   run_.call());
  } catch (const Error& error) {
    if (error.code() != "not_found") throw;
  }
}

}  // namespace sluice::shell
