// One run of `sluice`: the server it talks to, its outputs, and what has failed so far. Belongs to
// the main thread; report(), warn() and everything that returns a reference to the Client may be
// used by the threads of a transfer too. Read on: main.cpp, commands/.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "client/shell/interruption.hpp"
#include "client/shell/progress.hpp"
#include "client/shell/standard_streams.hpp"
#include "sluice/client.hpp"

namespace sluice::shell {

/// Options before the command.
struct Global {
  std::string server = "tcp://127.0.0.1:5970";
  bool json = false;
};

/// Writes a failure to standard error: "sluice: SENTENCE", or an object with --json.
void print_error(const Error& error, bool json);

/// Whether there is no sense in going on with other files after this failure.
bool ends_everything(const Error& error);

class Invocation {
 public:
  Invocation(Global global, Interruption& interruption);

  const std::string& server() const { return global_.server; }
  bool json() const { return global_.json; }
  Interruption& interruption() { return interruption_; }
  StandardOutput& out() { return out_; }
  ProgressLine& progress() { return progress_; }

  /// Made, and so connected, by the first use, which must be the main thread's.
  Client& client();
  /// How calls run: until interrupted.
  Call call() const { return {.stop = interruption_.token(), .progress = {}}; }

  /// Prints a failure and remembers its exit status; the first one counts. What ends everything is
  /// not printed but thrown on.
  void report(const Error& error);
  /// Prints something that does not make the command fail.
  void warn(const std::string& path, const std::string& what);
  /// 0, or that of the first failure reported.
  int status() const { return status_; }

 private:
  const Global global_;
  Interruption& interruption_;
  StandardOutput out_;
  ProgressLine progress_;
  std::unique_ptr<Client> client_;
  std::mutex mutex_;
  int status_ = 0;
};

}  // namespace sluice::shell
