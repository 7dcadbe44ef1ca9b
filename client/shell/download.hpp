// `sluice get`: files and trees of the server to this machine, several at a time. Directories get
// their modes and times when all that is in them is there, deepest first. Made and run by the main
// thread. Read on: task_pool.hpp, upload.hpp.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "client/shell/invocation.hpp"
#include "client/shell/task_pool.hpp"
#include "client/shell/transfer_options.hpp"
#include "client/shell/transfer_summary.hpp"

namespace sluice::shell {

class Download {
 public:
  Download(const TransferOptions& options, Invocation& run);

  /// A file or, with `recursive`, a directory.
  void add(const std::string& remote, const std::string& local);
  /// Fetches what was added, reports what failed, prints the outcome.
  void run();

  // For a sync, which walks by itself and runs the pool.
  /// Files of one directory into another.
  void fetch_files(const std::string& remote, const std::string& local, std::vector<Entry> files);
  TaskPool& pool() { return pool_; }
  const TransferSummary& summary() const { return summary_; }

 private:
  struct Directory {
    std::string local;
    Attributes attributes;
    std::size_t depth;
  };

  void add_file(const std::string& remote, const std::string& local, std::uint64_t size_bytes);
  void add_directory(const std::string& remote, const std::string& local, std::size_t depth,
                     const Attributes& attributes);
  void fetch_file(const std::string& remote, const std::string& local, std::uint64_t size_bytes);
  void walk(const std::string& remote, const std::string& local, std::size_t depth,
            const Attributes& attributes);
  void fetch_batch(const std::string& remote, const std::string& local,
                   const std::vector<Entry>& files);
  void failed(const Error& error);
  void set_directory_attributes();

  const TransferOptions options_;
  Invocation& run_;
  Client& client_;
  TaskPool pool_;
  TransferSummary summary_;
  std::atomic<std::size_t> walks_left_ = 0;
  std::mutex mutex_;
  std::vector<Directory> directories_;
};

}  // namespace sluice::shell
