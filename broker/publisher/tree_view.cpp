// The tree after a batch: see tree_view.hpp.
#include "broker/publisher/tree_view.hpp"

#include "protocol/path.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::fail;

// The nearest directory above that the batch changed decides what can be beneath it: what the disk
// says there is not true any more.
const TreeView::Seen* TreeView::changed_above(std::string_view path,
                                              std::string_view& where) const {
  while (!path.empty()) {
    path = protocol::parent_of(path);
    const auto found = entries_.find(std::string(path));
    if (found != entries_.end() && found->second.changed) {
      where = path;
      return &found->second;
    }
  }
  return nullptr;
}

Result<Known> TreeView::at(const std::string& path) {
  if (path.empty()) return Known{Known::What::directory, 0, 0};
  if (const auto found = entries_.find(path); found != entries_.end()) return found->second.known;
  std::string_view where;
  if (const Seen* above = changed_above(path, where)) {
    if (above->known.file()) return fail(Code::not_directory, where);
    return Known{};
  }
  Known known;
  if (const auto entry = storage_.stat(path)) {
    const bool directory = entry->attributes.kind == protocol::EntryKind::directory;
    known.what = directory ? Known::What::directory : Known::What::file;
    known.version = entry->attributes.version;
    known.inode = entry->inode;
  } else if (entry.error().code != Code::not_found) {
    return tl::make_unexpected(entry.error());
  }
  entries_[path] = {known, false};
  return known;
}

Result<void> TreeView::need_parent(const std::string& path) {
  const std::string parent(protocol::parent_of(path));
  const auto known = at(parent);
  if (!known) return tl::make_unexpected(known.error());
  if (known->absent())
    return fail(Code::not_found, parent, "it has to be there first; 'mkdir -p' makes it");
  if (!known->directory()) return fail(Code::not_directory, parent);
  return {};
}

Result<bool> TreeView::is_empty(const std::string& path) {
  protocol::List wanted{.path = path, .max_entries = 1};
  do {
    const auto page = storage_.list(wanted);
    if (!page) return tl::make_unexpected(page.error());
    if (!page->entries.empty()) return false;
    wanted.cookie = page->next_cookie;
  } while (wanted.cookie != 0);
  return true;
}

}  // namespace sluice::broker::publisher
