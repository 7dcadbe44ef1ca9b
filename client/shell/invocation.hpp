// One run of a command: its outputs, and what has failed so far. Belongs to the main thread;
// report(), warn() and everything that returns a reference to the Client may be used by the threads
// of a transfer too. Read on: seat.hpp, main.cpp, commands/.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "client/shell/interruption.hpp"
#include "client/shell/progress.hpp"
#include "client/shell/seat.hpp"
#include "client/shell/standard_streams.hpp"
#include "sluice/client.hpp"

namespace sluice::shell {

/// Writes a failure to standard error: "sluice: SENTENCE", or an object with --json.
void print_error(const Error& error, const Global& global);

/// Whether there is no sense in going on with other files after this failure.
bool ends_everything(const Error& error);

class Invocation {
 public:
  /// This process does one thing after another: what it holds, it does not release while it waits.
  static constexpr std::uint64_t agent = 0;

  /// `global` is what was said for this command; the server is the seat's.
  Invocation(Seat& seat, Global global, Interruption& interruption);
  ~Invocation() { seat_.on_waiting({}); }
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  /// Its endpoint. Throws what Seat::server() does.
  const std::string& server() { return seat_.server().options.endpoint; }
  bool json() const { return global_.json; }
  const Global& global() const { return global_; }
  Seat& seat() { return seat_; }
  Interruption& interruption() { return interruption_; }
  StandardOutput& out() { return out_; }
  ProgressDisplay& progress() { return progress_; }

  /// Made, and so connected, by the first use, which must be the main thread's.
  Client& client() { return seat_.client(); }
  /// What this command has sent and received until now.
  Traffic traffic() const;
  /// How calls run: until interrupted.
  Call call() {
    return {
        .stop = interruption_.token(),
        .progress = {},
        .notice = [this](const std::string& path, const std::string& words) { warn(path, words); }};
  }
  /// The change as it is to be sent for these paths of the server: under a lock that the shell
  /// holds on them, if no token was given, and as one with all that this process does. Throws
  /// `usage` for a token that is none. Any thread.
  Change under_own_lock(Change change, const std::vector<std::string>& paths);

  /// The error, or a better one if what is in the way of a change is a shared lock of this shell's
  /// own.
  Error explained(const Error& error) const;
  /// Prints a failure and remembers its exit status; the first one counts. What ends everything is
  /// not printed but thrown on.
  void report(const Error& error);
  /// Prints something that does not make the command fail.
  void warn(const std::string& path, const std::string& what);
  /// Prints a sentence beside the progress. Any thread.
  void note(const std::string& sentence);
  /// 0, or that of the first failure reported.
  int status() const { return status_; }

 private:
  Seat& seat_;
  const Traffic traffic_before_;
  const Global global_;
  Interruption& interruption_;
  StandardOutput out_;
  ProgressDisplay progress_;
  std::mutex mutex_;
  int status_ = 0;
  /// Whether this command changes something. Any thread of it may say so.
  std::atomic<bool> changes_ = false;
};

}  // namespace sluice::shell
