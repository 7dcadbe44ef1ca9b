// Changes of the tree: see apply.hpp.
#include "broker/publisher/apply.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::Result;

namespace {

Result<bool> without_trash(const Result<void>& done) {
  if (!done) return tl::make_unexpected(done.error());
  return false;
}

Result<bool> make_directories(const LogRecord& record, storage::Storage& storage) {
  std::size_t made = 0;
  for (const std::string& path : record.directories) {
    const bool last = path == record.path;
    auto done = storage.make_directory(path, last ? record.preserve : protocol::Preserve{});
    if (!done) {
      // They are empty; one that will not go does no harm.
      while (made-- > 0) (void)storage.remove(record.directories[made], false);
      return tl::make_unexpected(done.error());
    }
    ++made;
  }
  return false;
}

}  // namespace

Result<bool> apply(const LogRecord& record, std::span<const char> bytes,
                   storage::Storage& storage) {
  const storage::FileStamp stamp{record.number, record.size_bytes, record.root};
  switch (record.kind) {
    case RecordKind::put_small:
      return storage.publish_small(record.path, stamp, bytes, record.preserve, record.relaxed);
    case RecordKind::put_claimed:
      return storage.publish_claimed(record.number, record.path, stamp);
    case RecordKind::remove:
      return storage.remove(record.path, false);
    case RecordKind::remove_directory:
      return storage.remove(record.path, record.recursive);
    case RecordKind::rename:
    case RecordKind::rename_directory:
      return storage.rename(record.path, record.to_path);
    case RecordKind::make_directories:
      return make_directories(record, storage);
    case RecordKind::set_attributes:
      return without_trash(storage.set_attributes(record.path, record.preserve));
    default:
      return false;
  }
}

bool is_about_the_tree(Code code) {
  switch (code) {
    case Code::not_found:
    case Code::exists:
    case Code::is_directory:
    case Code::not_directory:
    case Code::not_empty:
    case Code::not_regular:
    case Code::bad_path:
      return true;
    default:
      return false;
  }
}

bool can_be_revoked(Code code) {
  return is_about_the_tree(code) || code == Code::denied || code == Code::unknown_upload ||
         code == Code::no_space || code == Code::overloaded;
}

}  // namespace sluice::broker::publisher
