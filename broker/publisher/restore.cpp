// Making the tree agree, step by step: see restore.hpp.
#include "broker/publisher/restore.hpp"

#include <algorithm>

#include "broker/publisher/apply.hpp"
#include "protocol/limits.hpp"
#include "protocol/path.hpp"

namespace sluice::broker::publisher {

using protocol::Code;
using protocol::EntryKind;
using protocol::Result;
using storage::Entry;

namespace {

bool is_directory(const std::optional<Entry>& entry) {
  return entry && entry->attributes.kind == EntryKind::directory;
}

Result<void> without_value(const Result<bool>& done) {
  if (!done) return tl::make_unexpected(done.error());
  return {};
}

}  // namespace

Result<void> Restore::run() {
  if (const auto& change = state_.directory_change())
    if (auto ok = change_directory(*change); !ok) return ok;
  if (auto ok = remove_unlogged(); !ok) return ok;
  if (auto ok = set_aside_all(); !ok) return ok;
  if (auto ok = remove_past(); !ok) return ok;
  if (auto ok = fill(); !ok) return ok;
  for (const auto& [path, mode] : opened_)
    if (auto ok = storage_.set_attributes(path, {mode, std::nullopt}); !ok) return ok;
  return set_all_attributes();
}

Result<void> Restore::change_directory(const LogRecord& record) {
  const auto from = look(record.path);
  if (!from) return tl::make_unexpected(from.error());
  if (!is_directory(*from) || (*from)->inode != record.inode) return {};
  const bool renames = record.kind == RecordKind::rename_directory;
  auto done = insist(renames ? record.to_path : record.path, [&] {
    return without_value(renames ? storage_.rename(record.path, record.to_path)
                                 : storage_.remove(record.path, record.recursive));
  });
  if (!done && is_about_the_tree(done.error().code)) {
    note(record.path, "the directory could not be renamed or removed as the log says");
    return {};
  }
  return done;
}

// Relaxed puts whose record was lost with the power, whole or torn.
Result<void> Restore::remove_unlogged() {
  for (const auto& [directory, after] : state_.relaxed_in()) {
    auto done = remove_unlogged_in(directory, after);
    if (!done && !is_about_the_tree(done.error().code)) return done;
  }
  return {};
}

Result<void> Restore::remove_unlogged_in(const std::string& directory, std::uint64_t after) {
  std::vector<std::string> unlogged;
  protocol::List wanted{.path = directory, .details = true};
  do {
    const auto page = storage_.list(wanted);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& entry : page->entries)
      if (entry.attributes.kind == EntryKind::file && entry.attributes.version > after &&
          !state_.has_put(entry.attributes.version))
        unlogged.push_back(protocol::join(directory, entry.name));
    wanted.cookie = page->next_cookie;
  } while (wanted.cookie != 0);
  for (const std::string& path : unlogged) {
    auto done = insist(path, [&] { return without_value(storage_.remove(path, false)); });
    if (!done) return done;
    ++unlogged_;
  }
  return {};
}

Result<void> Restore::set_aside_all() {
  for (const auto& [path, last] : state_.paths()) {
    if (!last.file || last.file->bytes == LastFile::Bytes::logged) continue;
    auto where = set_aside(path, *last.file);
    if (where) where = unless_torn(path, *last.file, *where);
    if (!where) return tl::make_unexpected(where.error());
    where_[last.file.get()] = *where;
  }
  return {};
}

Result<Restore::Where> Restore::set_aside(const std::string& path, const LastFile& file) {
  const auto kept = storage_.stat_claimed(file.kept_as);
  if (kept) return Where::kept;
  if (kept.error().code != Code::unknown_upload) return tl::make_unexpected(kept.error());
  const auto here = look(path);
  if (!here) return tl::make_unexpected(here.error());
  if (*here && file.is(**here) && (*here)->attributes.version == file.stamp.version)
    return Where::in_place;
  for (const std::string& name : file.names) {
    const auto entry = look(name);
    if (!entry) return tl::make_unexpected(entry.error());
    if (!*entry || !file.is(**entry)) continue;
    auto moved = insist(name, [&] { return storage_.set_aside(name, file.kept_as); });
    if (!moved) return tl::make_unexpected(moved.error());
    return Where::kept;
  }
  if (file.bytes != LastFile::Bytes::claimed) return Where::missing;
  const auto claimed = storage_.claim(file.staged, file.kept_as);
  if (claimed) return Where::kept;
  if (claimed.error().code == Code::unknown_upload) return Where::missing;
  return tl::make_unexpected(claimed.error());
}

// Of a relaxed put that is lost nothing is left, nor that it was ever made.
Result<Restore::Where> Restore::unless_torn(const std::string& path, const LastFile& file,
                                            Where where) {
  if (!file.relaxed) return where;
  if (where != Where::missing) {
    const bool in_place = where == Where::in_place;
    const auto whole = storage_.is_whole(in_place ? path : "", file.stamp);
    if (!whole) return tl::make_unexpected(whole.error());
    if (*whole) return where;
    auto done = in_place ? insist(path, [&] { return without_value(storage_.remove(path, false)); })
                         : storage_.drop_claimed(file.kept_as);
    if (!done) return tl::make_unexpected(done.error());
  }
  lost_.emplace_back(file.session, file.request_id);
  return Where::lost;
}

bool Restore::is_lost(const LastPath& last) const {
  const auto found = where_.find(last.file.get());
  return found != where_.end() && found->second == Where::lost;
}

Result<void> Restore::remove_past() {
  for (const auto& [path, last] : state_.paths()) {
    const bool wanted = (last.what == LastPath::What::file && !is_lost(last)) ||
                        (last.what == LastPath::What::directory && !last.made);
    if (wanted) continue;
    const auto entry = look(path);
    if (!entry) return tl::make_unexpected(entry.error());
    if (!*entry || !last.is_past(**entry)) continue;
    const auto& name = path;
    auto done = insist(name, [&] { return without_value(storage_.remove(name, false)); });
    if (!done) return done;
  }
  return {};
}

Result<void> Restore::fill() {
  for (const auto& [path, last] : state_.paths()) {
    Result<void> done;
    if (last.what == LastPath::What::directory && last.made) {
      done = make_directory(path);
    } else if (last.file && last.file->bytes == LastFile::Bytes::logged) {
      done = write_logged(path, last);
    } else if (last.file) {
      done = put_kept(path, *last.file);
    }
    if (!done) return done;
  }
  return {};
}

// Its mode comes last: it might forbid to put anything in.
Result<void> Restore::make_directory(const std::string& path) {
  auto made = insist(path, [&] { return storage_.make_directory(path, {}); });
  if (made) return made;
  if (made.error().code == Code::exists) {
    const auto entry = look(path);
    if (!entry) return tl::make_unexpected(entry.error());
    if (is_directory(*entry)) return {};
  }
  if (!is_about_the_tree(made.error().code)) return made;
  note(path, "something else is where a directory was made");
  return {};
}

Result<void> Restore::write_logged(const std::string& path, const LastPath& last) {
  const auto entry = look(path);
  if (!entry) return tl::make_unexpected(entry.error());
  if (*entry && (*entry)->attributes.version > last.number) {
    note(path, "a newer file than the log knows is there and was left");
    return {};
  }
  const LastFile& file = *last.file;
  auto done = insist(path, [&] {
    return storage_.restore(path, {file.content.data(), file.content.size()}, file.stamp,
                            file.preserve);
  });
  if (!done && done.error().code == Code::no_space && has_content(path, last)) return {};
  if (done || !is_about_the_tree(done.error().code)) return done;
  note(path, "something else is where a file was put");
  return {};
}

// On a full disk nothing can be written anew, but what was written before it was full is there.
bool Restore::has_content(const std::string& path, const LastPath& last) {
  const auto entry = look(path);
  if (!entry || !*entry || (*entry)->attributes.version != last.number) return false;
  const auto opened = storage_.open(path, protocol::limits::small_file_bytes, {});
  return opened && opened->bytes.text() == last.file->content;
}

Result<void> Restore::put_kept(const std::string& path, const LastFile& file) {
  switch (where_.at(&file)) {
    case Where::in_place:
    case Where::lost:
      return {};
    case Where::missing:
      note(path, "a file that was put or renamed is not there any more");
      return {};
    case Where::kept:
      break;
  }
  auto done = insist(path, [&] {
    return file.bytes == LastFile::Bytes::claimed
               ? without_value(storage_.publish_claimed(file.kept_as, path, file.stamp))
               : storage_.put_back(file.kept_as, path);
  });
  if (!done) done.error().detail = "something is in the way of a file to be put back here: move it";
  return done;
}

Result<void> Restore::set_all_attributes() {
  for (const auto& [path, last] : state_.paths()) {
    const bool kept_elsewhere = last.file && last.file->bytes != LastFile::Bytes::logged;
    if (kept_elsewhere && where_.at(last.file.get()) == Where::missing) continue;
    if (is_lost(last)) continue;
    const protocol::Preserve& preserve = last.file ? last.file->preserve : last.preserve;
    if (!preserve.mode && !preserve.mtime_ns) continue;
    auto done = storage_.set_attributes(path, preserve);
    if (done) continue;
    if (!is_about_the_tree(done.error().code)) return done;
    note(path, "mode and time could not be set");
  }
  return {};
}

Result<std::optional<Entry>> Restore::look(const std::string& path) {
  auto entry = storage_.stat(path);
  if (entry) return std::optional<Entry>(*entry);
  if (is_about_the_tree(entry.error().code)) return std::optional<Entry>();
  return tl::make_unexpected(entry.error());
}

// Directories above that were made by hand may not have survived, and some may not be writable (any
// more).
Result<void> Restore::insist(const std::string& path, const Step& step) {
  auto done = step();
  if (done) return done;
  if (done.error().code == Code::not_found) {
    if (auto made = make_parents(path); !made) return done;
    return step();
  }
  if (done.error().code == Code::denied) {
    const auto opened = open_parent(path);
    if (opened && *opened) return step();
  }
  return done;
}

Result<void> Restore::make_parents(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    auto made = storage_.make_directory(path.substr(0, slash), {});
    if (!made && made.error().code != Code::exists) return made;
  }
  return {};
}

Result<bool> Restore::open_parent(const std::string& path) {
  const std::string parent(protocol::parent_of(path));
  const auto entry = storage_.stat(parent);
  if (!entry) return tl::make_unexpected(entry.error());
  const std::uint32_t mode = entry->attributes.mode;
  if ((mode & 0300) == 0300) return false;
  if (auto set = storage_.set_attributes(parent, {mode | 0300, std::nullopt}); !set)
    return tl::make_unexpected(set.error());
  opened_.emplace_back(parent, mode);
  return true;
}

void Restore::note(const std::string& path, std::string_view what) {
  notes_.push_back(path + ": " + std::string(what));
}

}  // namespace sluice::broker::publisher
