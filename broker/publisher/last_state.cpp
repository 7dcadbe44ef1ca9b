// The last state of each path: see last_state.hpp.
#include "broker/publisher/last_state.hpp"

#include "protocol/path.hpp"

namespace sluice::broker::publisher {

using protocol::EntryKind;

namespace {

void merge(protocol::Preserve& into, const protocol::Preserve& from) {
  if (from.mode) into.mode = from.mode;
  if (from.mtime_ns) into.mtime_ns = from.mtime_ns;
}

}  // namespace

bool LastFile::is(const storage::Entry& entry) const {
  if (entry.attributes.kind != EntryKind::file) return false;
  if (entry.attributes.version != 0) return entry.attributes.version == stamp.version;
  return inode != 0 && entry.inode == inode;
}

bool LastPath::is_past(const storage::Entry& entry) const {
  if (entry.attributes.kind != EntryKind::file) return false;
  if (entry.attributes.version == 0) return past_inodes.contains(entry.inode);
  return entry.attributes.version < number;
}

protocol::Result<void> LastState::add(const LogRecord& record, std::string_view data) {
  switch (record.kind) {
    case RecordKind::put_small:
    case RecordKind::put_claimed:
      put(record, data);
      break;
    case RecordKind::remove:
      remove(record);
      break;
    case RecordKind::rename:
      rename(record);
      break;
    case RecordKind::make_directories:
      make_directories(record);
      break;
    case RecordKind::set_attributes:
      set_attributes(record);
      break;
    case RecordKind::remove_directory:
    case RecordKind::rename_directory:
      if (!paths_.empty() || directory_change_)
        return protocol::fail(protocol::Code::damaged, record.path,
                              "the commit log has a change of a directory behind other changes");
      directory_change_ = record;
      break;
    default:
      break;
  }
  return {};
}

void LastState::put(const LogRecord& record, std::string_view data) {
  auto file = std::make_shared<LastFile>();
  const bool small = record.kind == RecordKind::put_small;
  file->bytes = small ? LastFile::Bytes::logged : LastFile::Bytes::claimed;
  file->stamp = {record.number, record.size_bytes, record.root};
  file->inode = record.inode;
  file->kept_as = record.number;
  file->staged = record.staged;
  file->content = data;
  file->preserve = record.preserve;
  file->relaxed = record.relaxed;
  file->session = record.session;
  file->request_id = record.request_id;
  file->names = {record.path};
  puts_.insert(record.number);
  // The first stays: numbers only grow.
  if (record.relaxed)
    relaxed_in_.emplace(std::string(protocol::parent_of(record.path)), record.number);
  LastPath& path = paths_[record.path];
  path.what = LastPath::What::file;
  path.number = record.number;
  path.file = std::move(file);
  if (record.replaced_inode != 0) path.past_inodes.insert(record.replaced_inode);
}

// The file a record is about: one the log told of, or one that was there before.
std::shared_ptr<LastFile> LastState::file_at(const std::string& path, const LogRecord& record) {
  if (const auto found = paths_.find(path); found != paths_.end() && found->second.file)
    return found->second.file;
  auto file = std::make_shared<LastFile>();
  file->stamp.version = record.version;
  file->inode = record.inode;
  file->kept_as = record.number;
  file->names = {path};
  return file;
}

void LastState::remove(const LogRecord& record) {
  LastPath& path = paths_[record.path];
  path.what = LastPath::What::absent;
  path.number = record.number;
  path.file.reset();
  if (record.version == 0 && record.inode != 0) path.past_inodes.insert(record.inode);
}

void LastState::rename(const LogRecord& record) {
  auto file = file_at(record.path, record);
  file->names.push_back(record.to_path);
  remove(record);
  LastPath& to = paths_[record.to_path];
  to.what = LastPath::What::file;
  to.number = record.number;
  to.file = std::move(file);
  if (record.replaced_inode != 0) to.past_inodes.insert(record.replaced_inode);
  if (record.version == 0 && record.inode != 0) to.past_inodes.insert(record.inode);
}

void LastState::make_directories(const LogRecord& record) {
  for (const std::string& name : record.directories) {
    LastPath& path = paths_[name];
    path.what = LastPath::What::directory;
    path.number = record.number;
    path.made = true;
    path.preserve = name == record.path ? record.preserve : protocol::Preserve{};
    path.file.reset();
  }
}

void LastState::set_attributes(const LogRecord& record) {
  const auto found = paths_.find(record.path);
  if (found != paths_.end() && found->second.what == LastPath::What::directory)
    return merge(found->second.preserve, record.preserve);
  LastPath& path = paths_[record.path];
  if (record.directory) {
    path.what = LastPath::What::directory;
    path.number = record.number;
    return merge(path.preserve, record.preserve);
  }
  auto file = file_at(record.path, record);
  merge(file->preserve, record.preserve);
  path.what = LastPath::What::file;
  path.file = std::move(file);
  if (path.number == 0) path.number = record.number;
}

}  // namespace sluice::broker::publisher
