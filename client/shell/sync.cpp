// `sluice sync`: see sync.hpp.
#include "client/shell/sync.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "client/shell/format.hpp"
#include "client/shell/remote.hpp"
#include "client/shell/target.hpp"

namespace sluice::shell {
namespace {

// The server's own, in its root.
constexpr const char* own_directory = ".sluice";
// What a directory needs so that names in it can change.
constexpr std::uint32_t owner_bits = 0700;

Error obstacle(const std::string& path, Kind kind, const std::string& detail) {
  const char* code = kind == Kind::directory ? "is_directory"
                     : kind == Kind::file    ? "not_directory"
                                             : "not_regular";
  return {code, path, detail};
}

bool same_attributes(const SyncEntry& one, const SyncEntry& other) {
  return one.mode == other.mode && one.mtime_ns == other.mtime_ns;
}

}  // namespace

Sync::Sync(const SyncOptions& options, Invocation& run, SyncSide& source, SyncSide& target,
           SyncMover mover)
    : options_(options),
      run_(run),
      source_(source),
      target_(target),
      mover_(std::move(mover)),
      rules_{options.checksum, target.file_mode_bits()} {}

void Sync::run(const std::string& source, const std::string& target) {
  const auto wanted = source_.look(source);
  if (!wanted) throw Error("not_found", source, source_.place());
  if (wanted->kind == Kind::other) throw obstacle(source, Kind::other, {});
  auto there = target_.look(target);
  if (there && there->kind != wanted->kind)
    throw obstacle(target, there->kind, "the source is something else");
  if (wanted->kind == Kind::file)
    run_file(source, target, *wanted, there);
  else
    begin(add_directory(source, target, *wanted, std::move(there)));
  if (walks_left_ == 0) run_.progress().totals_are_final();
  mover_.pool.run();
  remove_surplus();
  set_directory_attributes();
  print_summary();
}

void Sync::run_file(const std::string& source, const std::string& target, const SyncEntry& wanted,
                    const std::optional<SyncEntry>& there) {
  FileWork work = FileWork::move;
  if (there) {
    work = work_of({wanted, *there}, rules_);
    if (work == FileWork::compare) work = work_after_comparison(source, target, {wanted, *there});
  }
  const std::string shown = base_name(target);
  if (work == FileWork::nothing) ++unchanged_;
  if (work == FileWork::set_attributes) set_file_attributes(target, shown, wanted);
  if (work == FileWork::move && !is_only_told("copy", shown, wanted.size_bytes))
    mover_.move_one(source, target);
}

Sync::Directory& Sync::add_directory(std::string source, std::string target, SyncEntry like,
                                     std::optional<SyncEntry> there) {
  const std::lock_guard lock(mutex_);
  Directory& directory = directories_.emplace_back();
  directory.source = std::move(source);
  directory.target = std::move(target);
  // Those of the server's root are nobody's to set.
  directory.is_touched = !there || (!directory.target.empty() && !same_attributes(like, *there));
  directory.like = std::move(like);
  directory.there = std::move(there);
  return directory;
}

void Sync::begin(Directory& directory) {
  ++walks_left_;
  mover_.pool.add([this, &directory] {
    walk(directory);
    if (--walks_left_ == 0) run_.progress().totals_are_final();
  });
}

void Sync::descend(const Directory& above, SyncEntry like, std::optional<SyncEntry> there) {
  const std::string name = like.name;
  Directory& directory = add_directory(joined(above.source, name), joined(above.target, name),
                                       std::move(like), std::move(there));
  directory.shown = above.shown + name + "/";
  directory.depth = above.depth + 1;
  begin(directory);
}

void Sync::walk(Directory& directory) {
  run_.interruption().check();
  SyncPlan found;
  const bool is_ready = attempt([&] { found = plan(directory); }) && make_ready(directory, found);
  if (!is_ready) {
    if (!directory.there) directory.is_touched = false;
    return;
  }
  for (const std::string& name : found.skipped)
    run_.warn(joined(directory.source, name), "skipped a link or special file");
  unchanged_ += found.unchanged;
  clear_the_way(directory, found);
  if (options_.deletes) {
    const std::lock_guard lock(mutex_);
    for (SyncEntry& entry : found.surplus) surplus_.push_back({std::move(entry), &directory});
  }
  for (SyncEntry& entry : found.new_directories) descend(directory, std::move(entry), {});
  for (SyncPair& pair : found.directories)
    descend(directory, std::move(pair.source), std::move(pair.target));
  // Added last, done first: so few wait however large the tree is.
  set_attributes(directory, std::move(found.attributes));
  compare(directory, std::move(found.doubtful));
  move(directory, found.files);
}

SyncPlan Sync::plan(const Directory& directory) {
  std::vector<SyncEntry> wanted = source_.list(directory.source);
  std::erase_if(wanted, [&](const SyncEntry& entry) {
    const bool is_left = entry.kind == Kind::file && is_left_by_get(entry.name);
    if (is_left) run_.warn(joined(directory.source, entry.name), left_by_get);
    return is_left;
  });
  std::vector<SyncEntry> there;
  if (directory.there) there = target_.list(directory.target);
  if (directory.depth == 0) {
    const auto is_own = [](const SyncEntry& entry) { return entry.name == own_directory; };
    if (std::erase_if(wanted, is_own) > 0)
      run_.warn(joined(directory.source, own_directory), "skipped, as it is a server's own");
    std::erase_if(there, is_own);
  }
  return plan_of(std::move(wanted), std::move(there), rules_);
}

// The target's directory is made, or such that it can be changed. False: it failed.
bool Sync::make_ready(Directory& directory, const SyncPlan& found) {
  const std::string shown = directory.shown.empty() ? "./" : directory.shown;
  if (!directory.there) {
    const bool is_made =
        is_only_told("make", shown) || attempt([&] { target_.make_directory(directory.target); });
    if (is_made) ++made_;
    return is_made;
  }
  const bool changes = !found.files.empty() || !found.doubtful.empty() ||
                       !found.in_the_way.empty() || !found.new_directories.empty() ||
                       (options_.deletes && !found.surplus.empty());
  if (directory.is_touched) is_only_told("attributes", shown);
  if (!changes || options_.dry_run) return true;
  directory.is_touched = true;
  SyncEntry open = *directory.there;
  if ((open.mode & owner_bits) == owner_bits) return true;
  open.mode |= owner_bits;
  return attempt([&] { target_.set_attributes(directory.target, open); });
}

void Sync::clear_the_way(const Directory& directory, SyncPlan& found) {
  for (SyncPair& pair : found.in_the_way) {
    const std::string& name = pair.source.name;
    const std::string target = joined(directory.target, name);
    const bool is_file = pair.source.kind == Kind::file;
    if (!options_.deletes) {
      run_.report(obstacle(target, pair.target.kind,
                           is_file ? "a file is to go there; --delete makes room"
                                   : "a directory is to go there; --delete makes room"));
      continue;
    }
    const bool is_gone = is_only_told("delete", directory.shown + name) ||
                         attempt([&] { target_.remove(target, pair.target); });
    if (!is_gone) continue;
    ++deleted_;
    (is_file ? found.files : found.new_directories).push_back(std::move(pair.source));
  }
}

void Sync::move(const Directory& directory, const std::vector<SyncEntry>& files) {
  for (const SyncEntry& file : files)
    if (!is_only_told("copy", directory.shown + file.name, file.size_bytes)) break;
  if (!options_.dry_run && !files.empty()) mover_.move(directory.source, directory.target, files);
}

void Sync::compare(Directory& directory, std::vector<SyncPair> files) {
  const auto all = std::make_shared<const std::vector<SyncPair>>(std::move(files));
  mover_.pool.add_each(all->size(), [this, all, &directory](std::size_t i) {
    const SyncPair& file = (*all)[i];
    const std::string target = joined(directory.target, file.source.name);
    attempt([&] {
      switch (work_after_comparison(joined(directory.source, file.source.name), target, file)) {
        case FileWork::nothing:
          ++unchanged_;
          break;
        case FileWork::set_attributes:
          set_file_attributes(target, directory.shown + file.source.name, file.source);
          break;
        default:
          move(directory, {file.source});
      }
    });
  });
}

void Sync::set_attributes(const Directory& directory, std::vector<SyncPair> files) {
  const auto all = std::make_shared<const std::vector<SyncPair>>(std::move(files));
  mover_.pool.add_each(all->size(), [this, all, &directory](std::size_t i) {
    const SyncEntry& like = (*all)[i].source;
    attempt([&] {
      set_file_attributes(joined(directory.target, like.name), directory.shown + like.name, like);
    });
  });
}

FileWork Sync::work_after_comparison(const std::string& source, const std::string& target,
                                     const SyncPair& file) {
  run_.interruption().check();
  const std::string wanted = source_.digest(source, file.source);
  // Without one nobody knows.
  if (wanted.empty() || wanted != target_.digest(target, file.target)) return FileWork::move;
  return work_of(file, rules_, true);
}

void Sync::set_file_attributes(const std::string& target, const std::string& shown,
                               const SyncEntry& like) {
  if (!is_only_told("attributes", shown)) target_.set_attributes(target, like);
  ++attributes_;
}

void Sync::remove_surplus() {
  run_.interruption().check();
  if (surplus_.empty()) return;
  if (run_.status() != 0) {
    run_.warn(directories_.front().target, "nothing was deleted, as something failed before");
    return;
  }
  mover_.pool.add_each(surplus_.size(), [this](std::size_t i) {
    const SyncEntry& entry = surplus_[i].entry;
    const Directory* directory = surplus_[i].directory;
    const std::string shown =
        directory->shown + entry.name + (entry.kind == Kind::directory ? "/" : "");
    const bool is_gone = is_only_told("delete", shown) || attempt([&] {
                           target_.remove(joined(directory->target, entry.name), entry);
                         });
    if (is_gone) ++deleted_;
  });
  mover_.pool.run();
}

// Deepest first: what is done in a directory changes its time.
void Sync::set_directory_attributes() {
  if (options_.dry_run) return;
  std::vector<const Directory*> touched;
  for (const Directory& directory : directories_)
    if (directory.is_touched) touched.push_back(&directory);
  std::sort(touched.begin(), touched.end(),
            [](const Directory* a, const Directory* b) { return a->depth > b->depth; });
  for (auto begin = touched.begin(); begin != touched.end();) {
    const auto end = std::find_if(begin, touched.end(), [&](const Directory* each) {
      return each->depth != (*begin)->depth;
    });
    for (; begin != end; ++begin)
      mover_.pool.add([this, directory = *begin] {
        attempt([&] { target_.set_attributes(directory->target, directory->like); });
      });
    mover_.pool.run();
  }
}

bool Sync::attempt(const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    run_.report(error);
    return false;
  }
}

bool Sync::is_only_told(const char* action, const std::string& shown, std::uint64_t bytes) {
  if (!options_.dry_run) return false;
  const std::lock_guard lock(mutex_);
  if (std::string_view(action) == "copy") {
    ++told_files_;
    told_bytes_ += bytes;
  }
  if (run_.json())
    run_.out().print(
        JsonObject().add("action", action).add("path", shown).add("bytes", bytes).text() + "\n");
  else
    run_.out().print(
        fmt::format("{} {}\n", action, run_.out().is_terminal() ? escaped(shown) : shown));
  return true;
}

void Sync::print_summary() const {
  const auto elapsed = run_.progress().elapsed();
  run_.progress().end();
  const std::uint64_t files = options_.dry_run ? told_files_ : mover_.summary.files();
  const std::uint64_t bytes = options_.dry_run ? told_bytes_ : mover_.summary.bytes();
  if (run_.json()) {
    JsonObject totals;
    totals.add("files", files)
        .add("bytes", bytes)
        .add("unchanged", unchanged_.load())
        .add("attributes", attributes_.load())
        .add("directories", made_.load())
        .add("deleted", deleted_.load())
        .add("dry_run", options_.dry_run);
    run_.out().print(add_traffic(totals, run_).add("elapsed_ms", elapsed.count()).text() + "\n");
    return;
  }
  if (run_.progress().is_quiet() || ::isatty(STDERR_FILENO) != 1) return;
  const std::string line =
      fmt::format("{} file{}, {}, {}in {}; {} unchanged, {} deleted", files, files == 1 ? "" : "s",
                  size_text(bytes), options_.dry_run ? "would be copied, found " : "",
                  duration_text(elapsed), unchanged_.load(), deleted_.load());
  std::fprintf(stderr, "sluice: %s\n", line.c_str());
}

}  // namespace sluice::shell
