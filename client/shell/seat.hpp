// What outlives one command: the server and the connection to it, where in its tree the shell
// stands, and the locks it holds. A one-shot `sluice ls` has one too, for its single command. Main
// thread; what says so may be used by the threads of a transfer. Read on: invocation.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/shell/own_locks.hpp"
#include "client/shell/servers.hpp"
#include "sluice/client.hpp"

namespace sluice::shell {

/// Options before the command.
struct Global {
  /// As typed; see resolve_server(). Empty: the default.
  std::string server = {};
  bool json = false;
  /// The line of the script a command stands on, which its failures name; 0: none.
  std::size_t script_line = 0;
  /// Whether it was typed in a shell, or is of a script for one.
  bool in_shell = false;
};

class Seat {
 public:
  explicit Seat(Global global) : global_(std::move(global)) {}

  const Global& global() const { return global_; }
  /// Whether more than one command may come: then `lock` can hold.
  bool is_shell() const { return global_.in_shell; }

  /// Found out by the first use. Throws what resolve_server() does.
  const Server& server();
  /// Made, and so connected, by the first use.
  Client& client();
  /// Of all commands so far. Connects to nothing.
  Traffic traffic() const { return client_ ? client_->traffic() : Traffic{}; }
  /// Who tells the user why the server makes calls wait (Options::waiting); nobody between
  /// commands. Heard on the client's thread.
  void on_waiting(std::function<void(const std::string& words)> tell);
  /// Any thread of a command may ask; the main thread changes them between commands.
  OwnLocks& locks() { return locks_; }
  const OwnLocks& locks() const { return locks_; }
  /// The directory that remote paths start from, "" is the root.
  const std::string& directory() const { return directory_; }
  /// Where `cd -` goes.
  const std::string& former_directory() const { return former_directory_; }
  void change_directory(std::string directory);
  /// Whether the shell was asked to end.
  bool leaving() const { return leaving_; }
  void leave() { leaving_ = true; }
  /// Of the last command of the shell.
  int last_status() const { return last_status_; }
  void set_last_status(int status) { last_status_ = status; }

 private:
  void tell_waiting(const std::string& words);

  const Global global_;
  std::optional<Server> server_;
  std::string directory_;
  std::string former_directory_;
  bool leaving_ = false;
  int last_status_ = 0;
  std::mutex waiting_mutex_;
  std::function<void(const std::string& words)> tell_waiting_;
  // The locks go before the client whose session they live in.
  std::unique_ptr<Client> client_;
  OwnLocks locks_;
};

}  // namespace sluice::shell
