// One directory read in the background for completion: whoever asks waits a bounded time and takes
// what is there by then; the reading goes on. Made and asked by the main thread, read by a thread
// of its own. Read on: completion.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "client/shell/interactive/globs.hpp"
#include "client/shell/interactive/matches.hpp"

namespace sluice::shell {

/// Which names are meant.
struct NameQuery {
  bool local = false;
  /// The numbers of all locks instead.
  bool lock_numbers = false;
  bool directories_only = false;
  /// What stands before the path in the word.
  std::string mark = {};
  /// As typed, with the slash at its end; may be empty.
  std::string directory = {};
  std::string prefix = {};
  /// What `directory` starts from.
  std::string working_directory = {};
  bool operator==(const NameQuery&) const = default;
};

using MakeSource = std::function<std::unique_ptr<NameSource>(const NameQuery&, std::stop_token)>;

class NameScan {
 public:
  NameScan(NameQuery query, const MakeSource& make);
  /// Stops reading and waits for that.
  ~NameScan() = default;
  NameScan(const NameScan&) = delete;
  NameScan& operator=(const NameScan&) = delete;

  const NameQuery& query() const { return query_; }
  /// What was found when all is read or the time is over.
  Matches wait(std::chrono::milliseconds time);
  void stop() { thread_.request_stop(); }
  bool ended() const;

 private:
  void read(NameSource& source, const std::stop_token& stop);

  const NameQuery query_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Matches found_;
  bool ended_ = false;
  std::jthread thread_;
};

}  // namespace sluice::shell
