// Two lists beside each other: see sync_plan.hpp.
#include "client/shell/sync_plan.hpp"

#include <utility>

namespace sluice::shell {
namespace {

void add_file(SyncPlan& plan, SyncPair&& pair, const SyncRules& rules) {
  switch (work_of(pair, rules)) {
    case FileWork::move:
      return plan.files.push_back(std::move(pair.source));
    case FileWork::compare:
      return plan.doubtful.push_back(std::move(pair));
    case FileWork::set_attributes:
      return plan.attributes.push_back(std::move(pair));
    case FileWork::nothing:
      ++plan.unchanged;
  }
}

void add_pair(SyncPlan& plan, SyncPair&& pair, const SyncRules& rules) {
  if (pair.source.kind == Kind::other)
    plan.skipped.push_back(std::move(pair.source.name));
  else if (pair.source.kind != pair.target.kind)
    plan.in_the_way.push_back(std::move(pair));
  else if (pair.source.kind == Kind::directory)
    plan.directories.push_back(std::move(pair));
  else
    add_file(plan, std::move(pair), rules);
}

void add_new(SyncPlan& plan, SyncEntry&& entry) {
  if (entry.kind == Kind::other)
    plan.skipped.push_back(std::move(entry.name));
  else if (entry.kind == Kind::directory)
    plan.new_directories.push_back(std::move(entry));
  else
    plan.files.push_back(std::move(entry));
}

}  // namespace

FileWork work_of(const SyncPair& file, const SyncRules& rules, bool after_comparison) {
  const bool same_time = file.source.mtime_ns == file.target.mtime_ns;
  if (file.source.size_bytes != file.target.size_bytes) return FileWork::move;
  if (!after_comparison && (rules.checksum || !same_time)) return FileWork::compare;
  const bool same_mode =
      (file.source.mode & rules.file_mode_bits) == (file.target.mode & rules.file_mode_bits);
  return same_time && same_mode ? FileWork::nothing : FileWork::set_attributes;
}

SyncPlan plan_of(std::vector<SyncEntry> source, std::vector<SyncEntry> target,
                 const SyncRules& rules) {
  SyncPlan plan;
  auto there = target.begin();
  for (SyncEntry& entry : source) {
    for (; there != target.end() && there->name < entry.name; ++there)
      plan.surplus.push_back(std::move(*there));
    if (there == target.end() || there->name != entry.name)
      add_new(plan, std::move(entry));
    else
      add_pair(plan, {std::move(entry), std::move(*there++)}, rules);
  }
  for (; there != target.end(); ++there) plan.surplus.push_back(std::move(*there));
  return plan;
}

}  // namespace sluice::shell
