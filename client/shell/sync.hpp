// `sluice sync`: makes a directory like another, one of them on the server, by moving what differs.
// Each directory is listed on both sides and compared; what is to be moved goes the way of `put -r`
// and `get -r`, several files at a time. What is too much goes when all else went well. Made and
// run by the main thread. Read on: sync_plan.hpp, sync_side.hpp, upload.hpp, download.hpp.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "client/shell/sync_plan.hpp"
#include "client/shell/sync_side.hpp"
#include "client/shell/task_pool.hpp"
#include "client/shell/transfer_summary.hpp"

namespace sluice::shell {

struct SyncOptions {
  bool deletes = false;
  bool dry_run = false;
  bool checksum = false;
};

/// How files get from one side to the other; both run on the pool's threads.
struct SyncMover {
  TaskPool& pool;
  const TransferSummary& summary;
  /// Files of one name in both directories.
  std::function<void(const std::string& source, const std::string& target,
                     const std::vector<SyncEntry>& files)>
      move;
  /// One file to another name.
  std::function<void(const std::string& source, const std::string& target)> move_one;
};

class Sync {
 public:
  Sync(const SyncOptions& options, Invocation& run, SyncSide& source, SyncSide& target,
       SyncMover mover);

  /// Reports what failed, prints the outcome.
  void run(const std::string& source, const std::string& target);

 private:
  /// A directory that is on both sides, or will be.
  struct Directory {
    std::string source;
    std::string target;
    /// From the top, for people: "" or "a/b/".
    std::string shown;
    std::size_t depth = 0;
    SyncEntry like;
    std::optional<SyncEntry> there;
    /// Whether mode and time of the target have to be set.
    std::atomic<bool> is_touched = false;
  };
  struct Surplus {
    SyncEntry entry;
    const Directory* directory;
  };

  void run_file(const std::string& source, const std::string& target, const SyncEntry& wanted,
                const std::optional<SyncEntry>& there);
  Directory& add_directory(std::string source, std::string target, SyncEntry like,
                           std::optional<SyncEntry> there);
  void begin(Directory& directory);
  void descend(const Directory& above, SyncEntry like, std::optional<SyncEntry> there);
  void walk(Directory& directory);
  SyncPlan plan(const Directory& directory);
  bool make_ready(Directory& directory, const SyncPlan& found);
  void clear_the_way(const Directory& directory, SyncPlan& found);
  void move(const Directory& directory, const std::vector<SyncEntry>& files);
  void compare(Directory& directory, std::vector<SyncPair> files);
  void set_attributes(const Directory& directory, std::vector<SyncPair> files);
  FileWork work_after_comparison(const std::string& source, const std::string& target,
                                 const SyncPair& file);
  void set_file_attributes(const std::string& target, const std::string& shown,
                           const SyncEntry& like);
  void remove_surplus();
  void set_directory_attributes();
  void print_summary() const;
  /// False: it failed, and was reported.
  bool attempt(const std::function<void()>& work);
  /// Prints what a dry run would do; true if this is one.
  bool is_only_told(const char* action, const std::string& shown, std::uint64_t bytes = 0);

  const SyncOptions options_;
  Invocation& run_;
  SyncSide& source_;
  SyncSide& target_;
  const SyncMover mover_;
  const SyncRules rules_;
  std::atomic<std::size_t> walks_left_ = 0;
  std::atomic<std::uint64_t> unchanged_ = 0;
  std::atomic<std::uint64_t> attributes_ = 0;
  std::atomic<std::uint64_t> made_ = 0;
  std::atomic<std::uint64_t> deleted_ = 0;
  /// What a dry run would have moved.
  std::uint64_t told_files_ = 0;
  std::uint64_t told_bytes_ = 0;
  std::mutex mutex_;
  std::deque<Directory> directories_;
  std::vector<Surplus> surplus_;
};

}  // namespace sluice::shell
