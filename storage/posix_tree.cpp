// PosixStorage: looking at the tree. Used by workers and the publisher. See posix_storage.hpp.
#include <dirent.h>

#include <algorithm>
#include <limits>

#include "protocol/limits.hpp"
#include "protocol/path.hpp"
#include "storage/directory.hpp"
#include "storage/failure.hpp"
#include "storage/log_files.hpp"
#include "storage/place.hpp"
#include "storage/posix_journal.hpp"
#include "storage/posix_storage.hpp"

namespace sluice::storage {

using protocol::Code;
using protocol::EntryKind;
using protocol::fail;
namespace limits = protocol::limits;

namespace {

// A full page fits into one body: besides the name an entry has six keys with values, under 160
// bytes.
static_assert(limits::list_entries * (limits::name_bytes + 160) < limits::body_bytes);

// A client could not name it back otherwise.
bool can_be_named(std::string_view name) {
  return protocol::check_path("x/" + std::string(name)).has_value();
}

EntryKind kind_of(mode_t mode) {
  return S_ISREG(mode) ? EntryKind::file : S_ISDIR(mode) ? EntryKind::directory : EntryKind::other;
}

// False if the name is gone again.
bool describe(int directory, const DirectoryItem& item, bool details, protocol::ListEntry& entry) {
  entry.name = item.name;
  entry.attributes = {};
  if (details) {
    const Descriptor fd = open_at(directory, entry.name, O_PATH);
    Found found;
    if (!fd || !look_at(fd.get(), found)) return false;
    entry.attributes = found.attributes();
  } else if (item.type == DT_UNKNOWN) {
    struct stat info;
    if (::fstatat(directory, entry.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    entry.attributes.kind = kind_of(info.st_mode);
  } else {
    entry.attributes.kind = kind_of(DTTOIF(item.type));
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<PosixStorage>> open_root(const std::string& path, Role role) {
  auto root = prepare_root(path, role);
  if (!root) return tl::make_unexpected(std::move(root.error()));
  auto storage = std::make_unique<PosixStorage>(*root);
  if (role == Role::server)
    if (auto adopted = storage->adopt_spares(); !adopted)
      return tl::make_unexpected(adopted.error());
  return storage;
}

Result<std::unique_ptr<JournalFiles>> PosixStorage::journal_files() const {
  return PosixJournal::open(root_);
}

std::unique_ptr<LogFiles> PosixStorage::log_files() const {
  return std::make_unique<PosixLogFiles>(root_);
}

Result<Entry> PosixStorage::stat(const std::string& path) {
  const Descriptor fd = open_beneath(root_->tree.get(), path, O_PATH | O_NOFOLLOW);
  Found found;
  if (!fd || !look_at(fd.get(), found)) return failure(path, "looking at it");
  if (!found.is_file() && !found.is_directory()) return fail(Code::not_regular, path);
  return Entry{found.attributes(), found.info.st_ino};
}

Result<protocol::ListReply> PosixStorage::list(const protocol::List& wanted) {
  const std::string& path = wanted.path;
  const Descriptor directory = open_beneath(root_->tree.get(), path, O_RDONLY | O_DIRECTORY);
  if (!directory) return failure(path, "opening the directory");
  if (wanted.cookie > std::numeric_limits<off_t>::max() ||
      ::lseek(directory.get(), static_cast<off_t>(wanted.cookie), SEEK_SET) < 0)
    return fail(Code::bad_message, path, "the cookie is not of this directory");

  const std::size_t most = wanted.max_entries
                               ? std::min<std::size_t>(wanted.max_entries, limits::list_entries)
                               : limits::list_entries;
  protocol::ListReply reply;
  DirectoryReader reader(directory.get());
  for (std::size_t scanned = 1; const auto item = reader.next(); ++scanned) {
    const bool hidden = path.empty() && item->name == protocol::own_directory;
    protocol::ListEntry entry;
    if (!hidden && item->name.starts_with(wanted.prefix) && can_be_named(item->name) &&
        describe(directory.get(), *item, wanted.details, entry))
      reply.entries.push_back(std::move(entry));
    if (reply.entries.size() < most && scanned < limits::list_scan) continue;
    reply.next_cookie = item->position;
    return reply;
  }
  if (reader.error()) return failure(path, "reading the directory", reader.error());
  return reply;
}

}  // namespace sluice::storage
