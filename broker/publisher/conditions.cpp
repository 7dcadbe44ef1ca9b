// Conditions and plans: see conditions.hpp.
#include "broker/publisher/conditions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "protocol/path.hpp"

namespace sluice::broker::publisher {

using protocol::ChangeKind;
using protocol::Code;
using protocol::Commit;
using protocol::fail;

namespace {

Result<void> check_version(const Commit& commit, const Known& known) {
  if (!commit.terms.if_version) return {};
  if (known.absent()) return fail(Code::condition_failed, commit.path, "does not exist");
  if (known.version == *commit.terms.if_version) return {};
  return fail(Code::condition_failed, commit.path, fmt::format("is at version {}", known.version));
}

// What a change of something existing is about. A version asked for comes first: a missing file has
// none.
Result<Known> existing(const Commit& commit, TreeView& view) {
  const auto known = view.at(commit.path);
  if (!known) return known;
  if (auto ok = check_version(commit, *known); !ok) return tl::make_unexpected(ok.error());
  if (known->absent()) return fail(Code::not_found, commit.path);
  return known;
}

void note_replaced(LogRecord& record, const Known& target) {
  if (target.file() && target.version == 0) record.replaced_inode = target.inode;
}

Result<Plan> plan_put(const Commit& commit, Plan plan, TreeView& view) {
  if (auto ok = view.need_parent(commit.path); !ok) return tl::make_unexpected(ok.error());
  const auto target = view.at(commit.path);
  if (!target) return tl::make_unexpected(target.error());
  if (target->directory()) return fail(Code::is_directory, commit.path);
  if (commit.terms.if_absent && !target->absent()) return fail(Code::exists, commit.path);
  if (auto ok = check_version(commit, *target); !ok) return tl::make_unexpected(ok.error());
  plan.record.kind = commit.small ? RecordKind::put_small : RecordKind::put_claimed;
  plan.record.staged = commit.staged;
  plan.record.size_bytes = commit.size_bytes;
  plan.record.root = commit.root;
  note_replaced(plan.record, *target);
  plan.replaces = !target->absent();
  return plan;
}

Result<Plan> plan_remove(const Commit& commit, Plan plan, TreeView& view) {
  const auto known = existing(commit, view);
  if (!known) return tl::make_unexpected(known.error());
  if (commit.terms.if_absent) return fail(Code::exists, commit.path);
  plan.record.kind = RecordKind::remove;
  plan.record.version = known->version;
  plan.record.inode = known->inode;
  if (!known->directory()) return plan;
  plan.record.kind = RecordKind::remove_directory;
  plan.record.recursive = commit.recursive;
  plan.needs_empty_log = true;
  return plan;
}

Result<Plan> plan_rename(const Commit& commit, Plan plan, TreeView& view) {
  if (auto ok = protocol::check_entry_path(commit.to_path); !ok)
    return tl::make_unexpected(ok.error());
  const auto source = existing(commit, view);
  if (!source) return tl::make_unexpected(source.error());
  // Whoever renames a file needs less of a lock than for a directory, so it must be what it was
  // taken for.
  if (source->directory() && !commit.recursive)
    return fail(Code::is_directory, commit.path, "it became one meanwhile");
  if (source->directory() && commit.path != commit.to_path &&
      protocol::is_within(commit.to_path, commit.path))
    return fail(Code::bad_path, commit.to_path, "nothing can be moved into itself");
  if (auto ok = view.need_parent(commit.to_path); !ok) return tl::make_unexpected(ok.error());
  const auto target = view.at(commit.to_path);
  if (!target) return tl::make_unexpected(target.error());
  if (commit.terms.if_absent && !target->absent()) return fail(Code::exists, commit.to_path);
  plan.record.kind = RecordKind::nothing;
  plan.record.version = source->version;
  if (commit.path == commit.to_path) return plan;
  if (target->directory()) return fail(Code::exists, commit.to_path);
  if (source->directory() && target->file()) return fail(Code::not_directory, commit.to_path);
  plan.record.kind = source->directory() ? RecordKind::rename_directory : RecordKind::rename;
  plan.record.to_path = commit.to_path;
  plan.record.inode = source->inode;
  note_replaced(plan.record, *target);
  plan.needs_empty_log = source->directory();
  return plan;
}

// Which of the directories are missing. Those made here count for the ones beneath them.
Result<std::vector<std::string>> missing(const Commit& commit, TreeView& view) {
  std::vector<std::string> wanted;
  if (commit.parents) wanted = commit.missing_parents;
  wanted.push_back(commit.path);
  std::vector<std::string> missing;
  for (const std::string& path : wanted) {
    if (auto ok = protocol::check_entry_path(path); !ok) return tl::make_unexpected(ok.error());
    if (!protocol::is_within(commit.path, path))
      return fail(Code::bad_message, path, "it is not above the directory to be made");
    const auto known = view.at(path);
    if (!known) return tl::make_unexpected(known.error());
    if (known->directory()) continue;
    if (known->file()) return fail(path == commit.path ? Code::exists : Code::not_directory, path);
    if (missing.empty() || missing.back() != protocol::parent_of(path))
      if (auto ok = view.need_parent(path); !ok) return tl::make_unexpected(ok.error());
    missing.push_back(path);
  }
  return missing;
}

Result<Plan> plan_make_directory(const Commit& commit, Plan plan, TreeView& view,
                                 const std::string& removed_directory) {
  auto directories = missing(commit, view);
  if (!directories) return tl::make_unexpected(directories.error());
  const bool there = directories->empty() || directories->back() != commit.path;
  if (there && (!commit.parents || commit.terms.if_absent)) return fail(Code::exists, commit.path);
  if (auto ok = check_version(commit, there ? Known{Known::What::directory, 0, 0} : Known{}); !ok)
    return tl::make_unexpected(ok.error());
  plan.record.kind = there ? RecordKind::nothing : RecordKind::make_directories;
  if (there) return plan;
  plan.needs_empty_log =
      !removed_directory.empty() &&
      std::find(directories->begin(), directories->end(), removed_directory) != directories->end();
  plan.record.directories = std::move(*directories);
  return plan;
}

Result<Plan> plan_set_attributes(const Commit& commit, Plan plan, TreeView& view) {
  const auto known = existing(commit, view);
  if (!known) return tl::make_unexpected(known.error());
  if (commit.terms.if_absent) return fail(Code::exists, commit.path);
  plan.record.kind = RecordKind::set_attributes;
  plan.record.directory = known->directory();
  plan.record.version = known->version;
  plan.record.inode = known->inode;
  return plan;
}

}  // namespace

Result<Plan> plan(const Commit& commit, std::uint64_t number, TreeView& view,
                  const std::string& removed_directory) {
  if (auto ok = protocol::check_entry_path(commit.path); !ok)
    return tl::make_unexpected(ok.error());
  Plan plan;
  plan.record.number = number;
  plan.record.path = commit.path;
  plan.record.preserve = commit.preserve;
  switch (commit.kind) {
    case ChangeKind::put:
      return plan_put(commit, std::move(plan), view);
    case ChangeKind::remove:
      return plan_remove(commit, std::move(plan), view);
    case ChangeKind::rename:
      return plan_rename(commit, std::move(plan), view);
    case ChangeKind::make_directory:
      return plan_make_directory(commit, std::move(plan), view, removed_directory);
    case ChangeKind::set_attributes:
      return plan_set_attributes(commit, std::move(plan), view);
    case ChangeKind::none:
      break;
  }
  return fail(Code::bad_message, commit.path, "the commit is of no known kind");
}

Result<void> check_empty(const LogRecord& record, TreeView& view) {
  if (record.kind != RecordKind::remove_directory || record.recursive) return {};
  const auto empty = view.is_empty(record.path);
  if (!empty) return tl::make_unexpected(empty.error());
  if (!*empty) return fail(Code::not_empty, record.path);
  return {};
}

void foresee(const LogRecord& record, TreeView& view) {
  switch (record.kind) {
    case RecordKind::put_small:
    case RecordKind::put_claimed:
      view.change(record.path, {Known::What::file, record.number, record.inode});
      break;
    case RecordKind::remove:
      view.change(record.path, {});
      break;
    case RecordKind::rename:
      view.change(record.to_path, {Known::What::file, record.version, record.inode});
      view.change(record.path, {});
      break;
    case RecordKind::make_directories:
      for (const std::string& path : record.directories)
        view.change(path, {Known::What::directory, 0, 0});
      break;
    default:
      break;
  }
}

}  // namespace sluice::broker::publisher
