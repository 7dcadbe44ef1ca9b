// `sluice sync`: one directory made like another, either way. Read on: ../sync.hpp.
#include "client/shell/sync.hpp"

#include "client/shell/commands/commands.hpp"
#include "client/shell/download.hpp"
#include "client/shell/lock_wait_note.hpp"
#include "client/shell/remote.hpp"
#include "client/shell/upload.hpp"

namespace sluice::shell {
namespace {

struct Options {
  SyncOptions sync;
  TransferOptions transfer;
  Change change;
  bool lock = false;
  std::vector<std::string> paths;
};

struct Ends {
  bool to_server;
  /// As typed, the server's without its mark.
  std::string local;
  std::string remote;
};

Ends ends_of(const std::string& source, const std::string& target) {
  const bool from_server = source.starts_with(remote_mark);
  if (from_server == target.starts_with(remote_mark))
    throw Error("usage", "sync",
                "one of SRC and DST is on the server, and begins with ':', as in 'sync docs "
                ":docs'");
  const std::string& marked = from_server ? source : target;
  std::string remote = marked.substr(std::string_view(remote_mark).size());
  if (remote.empty()) remote.push_back('.');
  return {!from_server, from_server ? target : source, std::move(remote)};
}

/// The path to write to: that of a single file may be a directory, which it goes into.
std::string target_for(SyncSide& source_side, const std::string& source, SyncSide& target_side,
                       const std::string& typed, const std::string& target) {
  const auto wanted = source_side.look(source);
  if (!wanted || wanted->kind != Kind::file) return target;
  const auto there = target_side.look(target);
  const Found found = !there                           ? Found::nothing
                      : there->kind == Kind::directory ? Found::directory
                                                       : Found::other;
  return targets_of({source}, typed, target, found).front();
}

void run_up(const Ends& ends, const Options& options, const Change& change, Invocation& run) {
  UploadOptions transfer;
  static_cast<TransferOptions&>(transfer) = options.transfer;
  transfer.change = change;
  Upload upload(transfer, run);
  LocalSide here(run);
  RemoteSide there(run, change);
  const auto move = [&](const std::string& source, const std::string& target,
                        const std::vector<SyncEntry>& files) {
    std::vector<Upload::LocalEntry> entries;
    for (const SyncEntry& file : files) entries.push_back({file.name, file.size_bytes});
    upload.send_files(source, target, std::move(entries));
  };
  const auto move_one = [&](const std::string& source, const std::string& target) {
    upload.add(source, target);
  };
  const std::string local = without_slashes(ends.local);
  const std::string remote = target_for(here, local, there, ends.remote, remote_path(ends.remote));
  Sync(options.sync, run, here, there, {upload.pool(), upload.summary(), move, move_one})
      .run(local, remote);
}

void run_down(const Ends& ends, const Options& options, const Change& change, Invocation& run) {
  Download download(options.transfer, run);
  LocalSide here(run);
  RemoteSide there(run, change);
  const auto move = [&](const std::string& source, const std::string& target,
                        const std::vector<SyncEntry>& files) {
    std::vector<Entry> entries;
    for (const SyncEntry& file : files) {
      Entry& entry = entries.emplace_back();
      entry.name = file.name;
      entry.attributes.size_bytes = file.size_bytes;
    }
    download.fetch_files(source, target, std::move(entries));
  };
  const auto move_one = [&](const std::string& source, const std::string& target) {
    download.add(source, target);
  };
  const std::string remote = remote_path(ends.remote);
  const std::string local =
      target_for(there, remote, here, ends.local, without_slashes(ends.local));
  Sync(options.sync, run, there, here, {download.pool(), download.summary(), move, move_one})
      .run(remote, local);
}

// The tree as a whole: nobody writes into it while it is read, nobody reads or writes it under a
// lock while it is written.
Lock tree_lock(const Ends& ends, const Options& options, Invocation& run) {
  const std::vector<Claim> claims{
      {.path = remote_path(ends.remote), .tree = true, .shared = !ends.to_server}};
  const LockWaitNote note(run, claims, options.change.wait);
  return run.client().acquire(claims, {.wait = options.change.wait,
                                       .stop = run.interruption().token(),
                                       .agent = Invocation::agent});
}

int sync(const Options& options, Invocation& run) {
  choose_progress("sync", options.transfer, run);
  const Ends ends = ends_of(options.paths[0], options.paths[1]);
  Lock lock;
  Change change = options.change;
  if (options.lock) {
    lock = tree_lock(ends, options, run);
    if (ends.to_server) change.token = lock.token();
  }
  if (ends.to_server)
    run_up(ends, options, change, run);
  else
    run_down(ends, options, change, run);
  // What was read is one state of the tree only if the lock was held to the end.
  if (options.lock) lock.release();
  return run.status();
}

}  // namespace

void add_sync(CommandLine& line) {
  auto options = std::make_shared<Options>();
  options->transfer.recursive = true;
  options->transfer.delta = true;
  Command command = line.add(
      {.name = "sync",
       .summary = "Make a directory like another, moving only what differs.",
       .usage =
           "[--delete] [--dry-run] [--checksum] [--lock] [-q] [--progress] [--durability WHAT] "
           "[--token T] [--wait SECONDS] SRC DST",
       .examples = "  sluice sync build :results/build      # from here to the server\n"
                   "  sluice sync --delete :results backup  # from the server to here\n"
                   "  sluice sync --dry-run --delete . :    # what would be done",
       .details =
           "One of SRC and DST is on the server and begins with ':'; ':' alone is its root. What "
           "is "
           "in\n"
           "the directory SRC goes into the directory DST, with modes and times, slashes at the "
           "end or not.\n"
           "Files of the same size and time are left alone. SRC may be a single file, too."},
      [options](Invocation& run) { return sync(*options, run); });
  command.flag("--delete", options->sync.deletes,
               "Remove from DST what is not in SRC, when all else went well");
  command.flag("--dry-run", options->sync.dry_run, "Print what would be done, and do nothing");
  command.flag("--checksum", options->sync.checksum,
               "Compare files of one size by their digests, whatever their times");
  command.flag("--lock", options->lock,
               "Under a lock on the tree of the server, shared to read it and\n"
               "exclusive to write it; --wait waits for it");
  command.flag("--progress", options->transfer.progress,
               "Where standard error is no terminal: a line of progress each\n"
               "second instead of one every ten");
  command.flag("-q,--quiet", options->transfer.quiet, "No progress and no summary, errors only");
  command.durability_option(options->change);
  command.change_options(options->change);
  command.operands("SRC DST", options->paths, 2, 2);
}

}  // namespace sluice::shell
