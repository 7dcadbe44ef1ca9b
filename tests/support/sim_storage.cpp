// The simulated disk: see sim_storage.hpp for the model. First the single operations, then the
// calls of storage::Storage in its order. What a power loss leaves: sim_power_loss.cpp.
#include "tests/support/sim_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "protocol/limits.hpp"
#include "protocol/path.hpp"
#include "storage/names.hpp"

namespace sluice::testing {

using protocol::Code;
using protocol::EntryKind;
using protocol::fail;
using protocol::Preserve;
using protocol::Result;
using storage::FileStamp;
namespace limits = protocol::limits;

namespace {

constexpr std::size_t digest_bytes = sizeof(protocol::Digest);
// Enough for tests; a larger upload finds the disk full.
constexpr std::uint64_t disk_bytes = 64u << 20;
constexpr int trash_batch = 4;

// Where readdir has a name: ext4, too, orders by a hash. Never 0.
std::uint64_t cookie_of(std::string_view name) {
  const protocol::Digest digest = protocol::digest_of({name.data(), name.size()});
  std::uint64_t cookie = 0;
  for (std::size_t i = 0; i < 8; ++i) cookie = cookie << 8 | static_cast<unsigned char>(digest[i]);
  return (cookie >> 1) + 1;
}

std::string claimed_name(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

std::string leaves_of_claimed(std::uint64_t number) {
  return claimed_name(number) + ".leaves";
}

}  // namespace

// --- single operations ---

SimStorage::SimStorage(SimFaults* faults, std::string identity)
    : faults_(faults), identity_(std::move(identity)) {
  for (Id* area : {&root_, &staging_, &claimed_, &snapshots_, &trash_}) {
    *area = new_inode(EntryKind::directory, {});
    current_.directories[*area];
    current_.attributes[*area].mode = 0755;
  }
  durable_ = current_;
}

SimStorage::Id SimStorage::new_inode(EntryKind kind, std::string data) {
  const Id id = next_id_++;
  Inode& inode = inodes_[id];
  inode.kind = kind;
  inode.data = std::move(data);
  if (free_numbers_.empty()) {
    inode.number = next_number_++;
  } else {
    inode.number = free_numbers_.back();
    free_numbers_.pop_back();
  }
  return id;
}

bool SimStorage::reaches(const Image& image, Id from, Id sought) const {
  if (from == sought) return true;
  const auto directory = image.directories.find(from);
  if (directory == image.directories.end()) return false;
  return std::any_of(directory->second.begin(), directory->second.end(), [&](const auto& entry) {
    return image.directories.contains(entry.second) && reaches(image, entry.second, sought);
  });
}

bool SimStorage::apply_move(Image& image, const Operation& operation) const {
  const auto from = image.directories.find(operation.directory);
  const auto to = image.directories.find(operation.to_directory);
  if (from == image.directories.end() || to == image.directories.end()) return false;
  const auto entry = from->second.find(operation.name);
  if (entry == from->second.end() || entry->second != operation.id) return false;
  const auto replaced = to->second.find(operation.to_name);
  if (replaced != to->second.end() && image.directories.contains(replaced->second)) return false;
  if (reaches(image, operation.id, operation.to_directory)) return false;
  from->second.erase(entry);
  to->second[operation.to_name] = operation.id;
  return true;
}

// Says whether the operation could be done: after a power loss one may lack what it stands on.
bool SimStorage::apply(Image& image, const Operation& operation) const {
  const auto directory = image.directories.find(operation.directory);
  const auto attribute = image.attributes.find(operation.id);
  switch (operation.kind) {
    case Kind::create:
      if (directory == image.directories.end()) return false;
      directory->second[operation.name] = operation.id;
      image.attributes[operation.id] = operation.attribute;
      if (inodes_.at(operation.id).kind == EntryKind::directory) image.directories[operation.id];
      return true;
    case Kind::link:
      if (directory == image.directories.end() || attribute == image.attributes.end()) return false;
      directory->second[operation.name] = operation.id;
      return true;
    case Kind::unlink: {
      if (directory == image.directories.end()) return false;
      const auto entry = directory->second.find(operation.name);
      if (entry == directory->second.end() || entry->second != operation.id) return false;
      const auto inner = image.directories.find(operation.id);
      if (inner != image.directories.end() && !inner->second.empty() &&
          operation.directory != trash_)
        return false;
      directory->second.erase(entry);
      return true;
    }
    case Kind::move:
      return apply_move(image, operation);
    case Kind::stamp:
      if (attribute == image.attributes.end()) return false;
      attribute->second.stamp = operation.attribute.stamp;
      return true;
    case Kind::mode:
      if (attribute == image.attributes.end()) return false;
      attribute->second.mode = operation.attribute.mode;
      return true;
    case Kind::mtime:
      if (attribute == image.attributes.end()) return false;
      attribute->second.mtime_ns = operation.attribute.mtime_ns;
      return true;
  }
  return false;
}

void SimStorage::change(Operation operation) {
  if (faults_) faults_->step();
  if (!apply(current_, operation)) std::abort();
  unsynced_.push_back(std::move(operation));
}

void SimStorage::create(Id id, Id directory, const std::string& name, const Preserve& preserve) {
  const bool is_directory = inodes_.at(id).kind == EntryKind::directory;
  Operation operation{.kind = Kind::create, .id = id, .directory = directory, .name = name};
  operation.attribute.mode =
      preserve.mode.value_or(is_directory ? 0755 : 0644) & (is_directory ? 07777 : 01777);
  operation.attribute.mtime_ns = preserve.mtime_ns.value_or(now_ns_);
  change(std::move(operation));
}

void SimStorage::unlink(Id directory, const std::string& name) {
  change(
      {.kind = Kind::unlink, .id = in_area(directory, name), .directory = directory, .name = name});
}

void SimStorage::move(const Place& from, const Place& to) {
  change({.kind = Kind::move,
          .id = from.id,
          .directory = from.directory,
          .name = from.name,
          .to_directory = to.directory,
          .to_name = to.name});
}

void SimStorage::stamp(Id id, const FileStamp& stamp) {
  change({.kind = Kind::stamp, .id = id, .attribute = {.stamp = stamp}});
}

void SimStorage::preserve(Id id, const Preserve& preserve) {
  if (preserve.mode)
    change({.kind = Kind::mode, .id = id, .attribute = {.mode = *preserve.mode & 07777}});
  if (preserve.mtime_ns)
    change({.kind = Kind::mtime, .id = id, .attribute = {.mtime_ns = *preserve.mtime_ns}});
}

void SimStorage::sync_inode(Id id) {
  if (faults_) faults_->step();
  inodes_.at(id).synced = true;
  for (Operation& operation : unsynced_) {
    const bool of_inode = operation.kind != Kind::link && operation.kind != Kind::unlink &&
                          operation.kind != Kind::move;
    if (operation.id == id && of_inode) operation.forced = true;
  }
}

// What is replaced by something else goes to the trash if unlinking it would take long.
bool SimStorage::keep_replaced(const Place& place) {
  if (place.id == 0 || inodes_.at(place.id).data.size() <= limits::small_file_bytes) return false;
  change({.kind = Kind::link,
          .id = place.id,
          .directory = trash_,
          .name = fmt::format("{}", next_trash_++)});
  return true;
}

// Only when nothing is unsynced, so that nothing that may come back is forgotten.
void SimStorage::collect_garbage() {
  std::set<Id> alive;
  const auto mark = [&](auto&& self, Id id) -> void {
    alive.insert(id);
    const auto directory = current_.directories.find(id);
    if (directory == current_.directories.end()) return;
    for (const auto& [name, inner] : directory->second) self(self, inner);
  };
  for (const Id area : {root_, staging_, claimed_, snapshots_, trash_}) mark(mark, area);
  const auto dead = [&](const auto& entry) { return !alive.contains(entry.first); };
  for (const auto& [id, inode] : inodes_)
    if (!alive.contains(id)) free_numbers_.push_back(inode.number);
  std::erase_if(inodes_, dead);
  std::erase_if(current_.directories, dead);
  std::erase_if(current_.attributes, dead);
}

// --- what tests see ---

void SimStorage::plant(const std::string& path, std::string bytes) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    (void)make_directory(path.substr(0, slash), {});
  const auto place = find(path);
  const Id id = new_inode(EntryKind::file, std::move(bytes));
  create(id, place->directory, place->name, {});
  (void)sync_tree();
}

void SimStorage::plant_other(const std::string& path) {
  plant(path, {});
  inodes_.at(find(path)->id).kind = EntryKind::other;
}

void SimStorage::walk(Id directory, const std::string& path,
                      std::map<std::string, Id>& found) const {
  for (const auto& [name, id] : current_.directories.at(directory)) {
    const std::string inner = protocol::join(path, name);
    found[inner] = id;
    if (current_.directories.contains(id)) walk(id, inner, found);
  }
}

std::map<std::string, SimFile> SimStorage::files() const {
  std::map<std::string, Id> found;
  walk(root_, "", found);
  std::map<std::string, SimFile> files;
  for (const auto& [path, id] : found) {
    const Inode& inode = inodes_.at(id);
    const Attribute& attribute = current_.attributes.at(id);
    if (inode.kind == EntryKind::file)
      files[path] = {attribute.stamp.version, inode.data, attribute.mode};
  }
  return files;
}

std::vector<std::string> SimStorage::directories() const {
  std::map<std::string, Id> found;
  walk(root_, "", found);
  std::vector<std::string> directories;
  for (const auto& [path, id] : found)
    if (current_.directories.contains(id)) directories.push_back(path);
  return directories;
}

std::vector<std::string> SimStorage::litter() const {
  std::map<std::string, Id> found;
  walk(staging_, "staging", found);
  walk(claimed_, "claimed", found);
  walk(snapshots_, "snapshots", found);
  std::vector<std::string> names;
  for (const auto& [name, id] : found) names.push_back(name);
  return names;
}

std::vector<std::string> SimStorage::trash() const {
  std::vector<std::string> names;
  for (const auto& [name, id] : current_.directories.at(trash_)) names.push_back(name);
  return names;
}

// --- finding ---

Result<void> SimStorage::check(DiskCall call) const {
  if (!faults_) return {};
  return faults_->check(call);
}

Result<SimStorage::Place> SimStorage::find(const std::string& path) const {
  Place place{0, "", root_};
  for (std::size_t begin = 0; !path.empty() && begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (place.id == 0) return fail(Code::not_found, path);
    const auto directory = current_.directories.find(place.id);
    if (directory == current_.directories.end()) return fail(Code::not_directory, path);
    const std::string name = path.substr(begin, end - begin);
    const auto entry = directory->second.find(name);
    place = {place.id, name, entry == directory->second.end() ? 0 : entry->second};
    begin = end + 1;
  }
  return place;
}

Result<SimStorage::Place> SimStorage::find_existing(const std::string& path) const {
  auto place = find(path);
  if (place && place->id == 0) return fail(Code::not_found, path);
  return place;
}

Result<SimStorage::Place> SimStorage::target_of_file(const std::string& path) const {
  auto place = find(path);
  if (place && place->id != 0 && current_.directories.contains(place->id))
    return fail(Code::is_directory, path);
  return place;
}

SimStorage::Id SimStorage::in_area(Id area, const std::string& name) const {
  const Directory& directory = current_.directories.at(area);
  const auto entry = directory.find(name);
  return entry == directory.end() ? 0 : entry->second;
}

SimStorage::Id SimStorage::upload_in_staging(const std::string& name) const {
  const Id id = in_area(staging_, name);
  return id != 0 && inodes_.at(id).forgotten ? 0 : id;
}

protocol::Attributes SimStorage::attributes_of(Id id) const {
  const Inode& inode = inodes_.at(id);
  const Attribute& attribute = current_.attributes.at(id);
  protocol::Attributes attributes{.kind = inode.kind,
                                  .size_bytes = inode.data.size(),
                                  .mode = attribute.mode,
                                  .mtime_ns = attribute.mtime_ns,
                                  .version = attribute.stamp.version,
                                  .root = std::nullopt};
  if (attributes.version != 0) attributes.root = attribute.stamp.root;
  return attributes;
}

// --- storage::Storage: reading ---

Result<storage::Entry> SimStorage::stat(const std::string& path) {
  if (auto ok = check(DiskCall::stat); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  const Inode& inode = inodes_.at(place->id);
  if (inode.kind == EntryKind::other) return fail(Code::not_regular, path);
  return storage::Entry{attributes_of(place->id), inode.number};
}

Result<protocol::ListReply> SimStorage::list(const protocol::List& wanted) {
  if (auto ok = check(DiskCall::list); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(wanted.path);
  if (!place) return tl::make_unexpected(place.error());
  const auto directory = current_.directories.find(place->id);
  if (directory == current_.directories.end()) return fail(Code::not_directory, wanted.path);
  std::map<std::uint64_t, std::pair<std::string, Id>> ordered;
  for (const auto& [name, id] : directory->second)
    if (name.starts_with(wanted.prefix)) ordered[cookie_of(name)] = {name, id};
  const std::size_t most = wanted.max_entries ? wanted.max_entries : limits::list_entries;
  protocol::ListReply reply;
  for (auto at = ordered.upper_bound(wanted.cookie); at != ordered.end(); ++at) {
    protocol::ListEntry entry{at->second.first, {}};
    entry.attributes.kind = inodes_.at(at->second.second).kind;
    if (wanted.details) entry.attributes = attributes_of(at->second.second);
    reply.entries.push_back(std::move(entry));
    if (reply.entries.size() == most) {
      if (std::next(at) != ordered.end()) reply.next_cookie = at->first;
      break;
    }
  }
  return reply;
}

Result<storage::Opened> SimStorage::open(const std::string& path, std::size_t whole_bytes,
                                         const std::string& snapshot) {
  if (auto ok = check(DiskCall::open); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  const Inode& inode = inodes_.at(place->id);
  if (inode.kind == EntryKind::directory) return fail(Code::is_directory, path);
  if (inode.kind == EntryKind::other) return fail(Code::not_regular, path);
  storage::Opened opened{attributes_of(place->id), {}, inode.data.size() > whole_bytes};
  if (!opened.snapshot_made) {
    opened.bytes = protocol::Payload::of(inode.data);
    return opened;
  }
  const Id there = in_area(snapshots_, snapshot);
  if (there == place->id) return opened;
  if (there != 0) return fail(Code::io_error, path, "another version under this snapshot's name");
  change({.kind = Kind::link, .id = place->id, .directory = snapshots_, .name = snapshot});
  return opened;
}

Result<std::optional<storage::Opened>> SimStorage::read_small(const std::string& path,
                                                              std::size_t most_bytes) {
  const auto place = find_existing(path);
  if (place && inodes_.at(place->id).kind == EntryKind::file &&
      inodes_.at(place->id).data.size() > most_bytes)
    return std::nullopt;
  auto opened = open(path, most_bytes, {});
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  return std::move(*opened);
}

std::optional<storage::Opened> SimSmallFiles::read(const std::string& path, std::size_t most_bytes,
                                                   std::chrono::milliseconds) {
  if ((cold_ = !cold_)) return std::nullopt;
  auto opened = storage_.read_small(path, most_bytes);
  return opened ? std::move(*opened) : std::nullopt;
}

Result<storage::Piece> SimStorage::read_snapshot(const std::string& snapshot, std::uint64_t offset,
                                                 std::size_t length) {
  if (auto ok = check(DiskCall::read_snapshot); !ok) return tl::make_unexpected(ok.error());
  const Id id = in_area(snapshots_, snapshot);
  if (id == 0) return fail(Code::snapshot_gone, snapshot);
  const Inode& inode = inodes_.at(id);
  if (offset >= inode.data.size()) return storage::Piece{};
  std::size_t size = std::min<std::size_t>(length, inode.data.size() - offset);
  if (offset + size < inode.data.size()) size -= size % limits::leaf_bytes;
  storage::Piece piece{protocol::Payload::of(inode.data.substr(offset, size)), {}};
  const std::size_t first = offset / limits::leaf_bytes * digest_bytes;
  const std::size_t count = protocol::leaf_count(size, limits::leaf_bytes) * digest_bytes;
  piece.leaves = inode.leaves.empty() ? protocol::leaves_of(piece.bytes.bytes())
                                      : inode.leaves.substr(first, count);
  return piece;
}

Result<std::string> SimStorage::snapshot_leaves(const std::string& snapshot, std::uint64_t offset,
                                                std::size_t count) {
  if (auto ok = check(DiskCall::read_snapshot); !ok) return tl::make_unexpected(ok.error());
  const Id id = in_area(snapshots_, snapshot);
  if (id == 0) return fail(Code::snapshot_gone, snapshot);
  const Inode& inode = inodes_.at(id);
  const std::string all = inode.leaves.empty() ? protocol::leaves_of(inode.data) : inode.leaves;
  const std::size_t first = std::min(offset / limits::leaf_bytes * digest_bytes, all.size());
  return all.substr(first, std::min(count, all.size()) * digest_bytes);
}

Result<void> SimStorage::drop_snapshot(const std::string& snapshot) {
  if (auto ok = check(DiskCall::drop_snapshot); !ok) return ok;
  if (in_area(snapshots_, snapshot) != 0) unlink(snapshots_, snapshot);
  return {};
}

// --- staging ---

Result<void> SimStorage::begin_upload(const std::string& name, std::uint64_t size_bytes,
                                      std::uint64_t) {
  if (auto ok = check(DiskCall::begin_upload); !ok) return ok;
  if (size_bytes > disk_bytes) return fail(Code::no_space, name);
  if (const Id id = upload_in_staging(name); id != 0) {
    inodes_.at(id).written_ns = now_ns_;
    if (inodes_.at(id).data.size() == size_bytes) return {};
    return fail(Code::upload_conflict, name, "begun with another size");
  }
  const Id id = new_inode(EntryKind::file, std::string(size_bytes, '\0'));
  const std::size_t count = protocol::leaf_count(size_bytes, limits::leaf_bytes);
  inodes_.at(id).leaves.assign(count * digest_bytes, '\0');
  inodes_.at(id).arrived.assign(count, '\0');
  inodes_.at(id).written_ns = now_ns_;
  create(id, staging_, name, {});
  return {};
}

Result<void> SimStorage::write_upload(const std::string& name, std::uint64_t offset,
                                      std::span<const char> bytes, std::string_view leaves, bool) {
  if (auto ok = check(DiskCall::write_upload); !ok) return ok;
  const Id id = upload_in_staging(name);
  if (id == 0) return fail(Code::unknown_upload, name);
  Inode& inode = inodes_.at(id);
  const std::size_t first = offset / limits::leaf_bytes;
  const std::size_t count = protocol::leaf_count(bytes.size(), limits::leaf_bytes);
  if (bytes.empty() || offset % limits::leaf_bytes != 0 || offset > inode.data.size() ||
      bytes.size() > inode.data.size() - offset ||
      (bytes.size() % limits::leaf_bytes != 0 && offset + bytes.size() != inode.data.size()) ||
      leaves.size() != count * digest_bytes)
    return fail(Code::bad_message, name, "the chunk is not whole leaves of the file");
  for (std::size_t i = 0; i < count; ++i) {
    if (inode.arrived[first + i] == 0) continue;
    const std::size_t at = (first + i) * digest_bytes;
    if (inode.leaves.compare(at, digest_bytes, leaves.substr(i * digest_bytes, digest_bytes)) != 0)
      return fail(Code::upload_conflict, name, "other bytes have arrived");
  }
  if (inode.data.compare(offset, bytes.size(), {bytes.data(), bytes.size()}) != 0) {
    inode.synced = false;
    inode.data.replace(offset, bytes.size(), bytes.data(), bytes.size());
  }
  inode.written_ns = now_ns_;
  inode.leaves.replace(first * digest_bytes, leaves.size(), leaves);
  std::fill_n(inode.arrived.begin() + static_cast<std::ptrdiff_t>(first), count, '\1');
  return {};
}

Result<void> SimStorage::write_zeros(const std::string& name, std::uint64_t offset,
                                     std::uint64_t length) {
  const std::string zeros(std::min(length, disk_bytes + 1), '\0');
  return write_upload(name, offset, zeros, protocol::leaves_of(zeros));
}

Result<storage::UploadState> SimStorage::upload_state(const std::string& name, std::uint64_t offset,
                                                      std::size_t count) {
  if (auto ok = check(DiskCall::upload_state); !ok) return tl::make_unexpected(ok.error());
  const Id id = upload_in_staging(name);
  if (id == 0) return fail(Code::unknown_upload, name);
  const Inode& inode = inodes_.at(id);
  const std::size_t first = std::min(offset / limits::leaf_bytes, inode.arrived.size());
  const std::size_t some = std::min(count, inode.arrived.size() - first);
  return storage::UploadState{inode.data.size(), inode.arrived.substr(first, some),
                              inode.leaves.substr(first * digest_bytes, some * digest_bytes)};
}

Result<void> SimStorage::finish_upload(const std::string& name, const storage::Staged& expected,
                                       const Preserve& wanted, bool relaxed) {
  if (auto ok = check(DiskCall::finish_upload); !ok) return ok;
  const Id id = upload_in_staging(name);
  if (id == 0) return fail(Code::unknown_upload, name);
  const Inode& inode = inodes_.at(id);
  if (inode.arrived.find('\0') != std::string::npos || inode.data.size() != expected.size_bytes)
    return fail(Code::upload_incomplete, name);
  if (protocol::root_of(inode.leaves) != expected.root) return fail(Code::digest_mismatch, name);
  preserve(id, wanted);
  if (!forgets_to_sync_ && !relaxed) sync_inode(id);
  return {};
}

Result<storage::Staged> SimStorage::stage_copy(const std::string& path, const std::string& name) {
  if (auto ok = check(DiskCall::stage_copy); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  const EntryKind kind = inodes_.at(place->id).kind;
  if (kind == EntryKind::directory) return fail(Code::is_directory, path);
  if (kind == EntryKind::other) return fail(Code::not_regular, path);
  const Id id = new_inode(EntryKind::file, inodes_.at(place->id).data);
  create(id, staging_, name, {.mode = current_.attributes.at(place->id).mode, .mtime_ns = {}});
  Inode& inode = inodes_.at(id);
  inode.leaves = protocol::leaves_of(inode.data);
  sync_inode(id);
  return storage::Staged{inode.data.size(), protocol::root_of(inode.leaves)};
}

Result<void> SimStorage::drop_staged(const std::string& name) {
  if (auto ok = check(DiskCall::drop_staged); !ok) return ok;
  if (in_area(staging_, name) != 0) unlink(staging_, name);
  return {};
}

// --- publishing ---

Result<std::uint64_t> SimStorage::claim(const std::string& name, std::uint64_t number) {
  if (auto ok = check(DiskCall::claim); !ok) {
    // The real disk's leaves go first, and may have come alone.
    if (const std::string leaves = leaves_of_claimed(number); in_area(claimed_, leaves) == 0)
      create(new_inode(EntryKind::file, {}), claimed_, leaves, {});
    return tl::make_unexpected(ok.error());
  }
  const Id id = in_area(staging_, name);
  if (id == 0) {
    const Id before = in_area(claimed_, claimed_name(number));
    if (before == 0) return fail(Code::unknown_upload, name);
    return inodes_.at(before).number;
  }
  move({staging_, name, id}, {claimed_, claimed_name(number), 0});
  return inodes_.at(id).number;
}

Result<void> SimStorage::drop_claimed(std::uint64_t number) {
  if (auto ok = check(DiskCall::drop_claimed); !ok) return ok;
  const Directory claimed = current_.directories.at(claimed_);
  for (const auto& [name, id] : claimed)
    if (number == 0 || name == claimed_name(number) || name == leaves_of_claimed(number))
      unlink(claimed_, name);
  return {};
}

Result<bool> SimStorage::publish_claimed(std::uint64_t number, const std::string& path,
                                         const FileStamp& stamped) {
  if (auto ok = check(DiskCall::publish_claimed); !ok) return tl::make_unexpected(ok.error());
  const Id id = in_area(claimed_, claimed_name(number));
  if (id == 0) return fail(Code::unknown_upload, path);
  const auto place = target_of_file(path);
  if (!place) return tl::make_unexpected(place.error());
  stamp(id, stamped);
  const bool trash = keep_replaced(*place);
  move({claimed_, claimed_name(number), id}, *place);
  return trash;
}

Result<bool> SimStorage::publish_small(const std::string& path, const FileStamp& stamped,
                                       std::span<const char> bytes, const Preserve& wanted, bool) {
  if (auto ok = check(DiskCall::publish_small); !ok) return tl::make_unexpected(ok.error());
  const auto place = target_of_file(path);
  if (!place) return tl::make_unexpected(place.error());
  const bool trash = keep_replaced(*place);
  write_anew(*place, stamped, bytes, wanted);
  return trash;
}

Result<storage::Entry> SimStorage::stat_claimed(std::uint64_t number) {
  if (auto ok = check(DiskCall::stat_claimed); !ok) return tl::make_unexpected(ok.error());
  const Id id = in_area(claimed_, claimed_name(number));
  if (id == 0) return fail(Code::unknown_upload, claimed_name(number));
  return storage::Entry{attributes_of(id), inodes_.at(id).number};
}

Result<void> SimStorage::set_aside(const std::string& path, std::uint64_t number) {
  if (auto ok = check(DiskCall::set_aside); !ok) return ok;
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  if (current_.directories.contains(place->id)) return fail(Code::is_directory, path);
  move(*place, {claimed_, claimed_name(number), 0});
  return {};
}

Result<void> SimStorage::put_back(std::uint64_t number, const std::string& path) {
  if (auto ok = check(DiskCall::put_back); !ok) return ok;
  const Id id = in_area(claimed_, claimed_name(number));
  if (id == 0) return fail(Code::unknown_upload, path);
  const auto place = target_of_file(path);
  if (!place) return tl::make_unexpected(place.error());
  move({claimed_, claimed_name(number), id}, *place);
  return {};
}

Result<void> SimStorage::restore(const std::string& path, std::span<const char> bytes,
                                 const FileStamp& stamped, const Preserve& wanted) {
  if (auto ok = check(DiskCall::restore); !ok) return ok;
  const auto place = target_of_file(path);
  if (!place) return tl::make_unexpected(place.error());
  keep_replaced(*place);
  write_anew(*place, stamped, bytes, wanted);
  return {};
}

void SimStorage::write_anew(const Place& place, const FileStamp& stamped,
                            std::span<const char> bytes, const Preserve& wanted) {
  const std::string name = fmt::format("anew-{}", next_id_);
  const Id id = new_inode(EntryKind::file, std::string(bytes.data(), bytes.size()));
  create(id, staging_, name, wanted);
  stamp(id, stamped);
  move({staging_, name, id}, place);
}

Result<bool> SimStorage::remove(const std::string& path, bool recursive) {
  if (auto ok = check(DiskCall::remove); !ok) return tl::make_unexpected(ok.error());
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  if (place->id == root_) return fail(Code::bad_path, path);
  const auto directory = current_.directories.find(place->id);
  const bool full = directory != current_.directories.end() && !directory->second.empty();
  if (full && !recursive) return fail(Code::not_empty, path);
  if (!full && inodes_.at(place->id).data.size() <= limits::small_file_bytes) {
    unlink(place->directory, place->name);
    return false;
  }
  move(*place, {trash_, fmt::format("{}", next_trash_++), 0});
  return true;
}

Result<bool> SimStorage::rename(const std::string& from, const std::string& to) {
  if (auto ok = check(DiskCall::rename); !ok) return tl::make_unexpected(ok.error());
  const auto source = find_existing(from);
  if (!source) return tl::make_unexpected(source.error());
  if (from == to) return false;
  if (protocol::is_within(to, from)) return fail(Code::bad_path, to, "it lies in what is moved");
  const auto target = find(to);
  if (!target) return tl::make_unexpected(target.error());
  const bool directory = current_.directories.contains(source->id);
  if (target->id != 0 && current_.directories.contains(target->id)) return fail(Code::exists, to);
  if (target->id != 0 && directory) return fail(Code::not_directory, to);
  const bool trash = keep_replaced(*target);
  move(*source, *target);
  return trash;
}

Result<void> SimStorage::make_directory(const std::string& path, const Preserve& wanted) {
  if (auto ok = check(DiskCall::make_directory); !ok) return ok;
  const auto place = find(path);
  if (!place) return tl::make_unexpected(place.error());
  if (place->id != 0) return fail(Code::exists, path);
  create(new_inode(EntryKind::directory, {}), place->directory, place->name, wanted);
  return {};
}

Result<void> SimStorage::set_attributes(const std::string& path, const Preserve& wanted) {
  if (auto ok = check(DiskCall::set_attributes); !ok) return ok;
  const auto place = find_existing(path);
  if (!place) return tl::make_unexpected(place.error());
  preserve(place->id, wanted);
  return {};
}

Result<void> SimStorage::sync_upload(std::uint64_t number, const std::string& path) {
  if (auto ok = check(DiskCall::finish_upload); !ok) return ok;
  Id id = in_area(claimed_, claimed_name(number));
  if (id == 0) {
    const auto place = find_existing(path);
    if (!place) return tl::make_unexpected(place.error());
    id = place->id;
  }
  if (!forgets_to_sync_) sync_inode(id);
  return {};
}

Result<bool> SimStorage::is_whole(const std::string& path, const FileStamp& stamped) {
  if (auto ok = check(DiskCall::stat_claimed); !ok) return tl::make_unexpected(ok.error());
  Id id = in_area(claimed_, claimed_name(stamped.version));
  if (id == 0) {
    const auto place = find_existing(path);
    if (!place) return tl::make_unexpected(place.error());
    id = place->id;
  }
  const Inode& inode = inodes_.at(id);
  return inode.kind == EntryKind::file && inode.data.size() == stamped.size_bytes &&
         protocol::root_of(protocol::leaves_of(inode.data)) == stamped.root;
}

Result<void> SimStorage::sync_tree() {
  if (auto ok = check(DiskCall::sync_tree); !ok) return ok;
  if (faults_) faults_->step();
  synced_ = true;
  unsynced_.clear();
  collect_garbage();
  durable_ = current_;
  for (auto& [id, inode] : inodes_) inode.synced = true;
  return {};
}

// --- cleaning ---

Result<void> SimStorage::sweep(const std::vector<std::uint64_t>& sessions, bool all_but) {
  if (auto ok = check(DiskCall::sweep); !ok) return ok;
  for (const Id area : {staging_, snapshots_}) {
    const Directory directory = current_.directories.at(area);
    for (const auto& [name, id] : directory) {
      std::uint64_t session = 0;
      std::from_chars(name.data(), name.data() + std::min<std::size_t>(16, name.size()), session,
                      16);
      if (storage::is_kept_name(name)) continue;
      const bool named = std::find(sessions.begin(), sessions.end(), session) != sessions.end();
      if (named != all_but) unlink(area, name);
    }
  }
  return {};
}

Result<void> SimStorage::sweep_kept(std::chrono::milliseconds age) {
  if (auto ok = check(DiskCall::sweep); !ok) return ok;
  const Directory directory = current_.directories.at(staging_);
  for (const auto& [name, id] : directory)
    if (storage::is_kept_name(name) &&
        std::chrono::nanoseconds(now_ns_ - inodes_.at(id).written_ns) >= age)
      unlink(staging_, name);
  return {};
}

Result<bool> SimStorage::empty_trash() {
  if (auto ok = check(DiskCall::empty_trash); !ok) return tl::make_unexpected(ok.error());
  for (int i = 0; i < trash_batch && !current_.directories.at(trash_).empty(); ++i)
    unlink(trash_, std::string(current_.directories.at(trash_).begin()->first));
  return !current_.directories.at(trash_).empty();
}

}  // namespace sluice::testing
