// `sluice put`: files and trees of this machine to the server, several at a time. A tree is walked
// by the same threads that send it; modes and times of directories are set when all that is in them
// is there, deepest first. Made and run by the main thread. Read on: task_pool.hpp, download.hpp.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "client/shell/task_pool.hpp"
#include "client/shell/transfer_options.hpp"
#include "client/shell/transfer_summary.hpp"

namespace sluice::shell {

struct UploadOptions : TransferOptions {
  Change change;
};

class Upload {
 public:
  Upload(const UploadOptions& options, Invocation& run);

  /// A file or, with `recursive`, a directory; links named here are followed.
  void add(const std::string& local, const std::string& remote);
  /// Sends what was added, reports what failed, prints the outcome.
  void run();

  // For a sync, which walks by itself and runs the pool.
  struct LocalEntry {
    std::string name;
    std::uint64_t size_bytes;
  };
  /// Files of one directory into another.
  void send_files(const std::string& local, const std::string& remote,
                  std::vector<LocalEntry> files);
  TaskPool& pool() { return pool_; }
  const TransferSummary& summary() const { return summary_; }

 private:
  struct Directory {
    std::string remote;
    std::uint32_t mode;
    std::int64_t mtime_ns;
    std::size_t depth;
  };

  void add_file(const std::string& local, const std::string& remote, std::uint64_t size_bytes);
  void add_directory(const std::string& local, const std::string& remote, std::size_t depth,
                     const struct stat& about);

  void send_file(const std::string& local, const std::string& remote, std::uint64_t size_bytes);
  void send_pipe(const std::string& local, const std::string& remote);
  void walk(const std::string& local, const std::string& remote, std::size_t depth);
  void send_entry(const std::string& local, const std::string& remote, const LocalEntry& file);
  void send_batch(const std::string& local, const std::string& remote,
                  const std::vector<LocalEntry>& files);
  void leave_out_existing(const std::string& remote, std::vector<LocalEntry>& files);
  bool make_directory(const std::string& remote, bool is_top);
  void set_directory_attributes();
  void failed(const Error& error);

  const UploadOptions options_;
  Invocation& run_;
  Client& client_;
  TaskPool pool_;
  TransferSummary summary_;
  std::atomic<std::size_t> walks_left_ = 0;
  std::mutex mutex_;
  std::vector<Directory> directories_;
};

}  // namespace sluice::shell
