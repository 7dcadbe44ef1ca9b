// Tells the user of a shell when the server does not answer, is back, or was started anew: at once
// while a command runs, else before the next prompt. Two threads of its own: one asks the server,
// one looks how long it takes to answer. Read on: shell.cpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "sluice/client.hpp"

namespace sluice::shell {

/// What is known of a server from when it was asked and answered. No clock, no thread.
class ServerHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ServerHealth(std::string name) : name_(std::move(name)) {}

  void asked(Time now) { asked_ = now; }
  /// What is to be told, if anything: that it is back, or has another epoch than before.
  std::string answered(std::uint64_t epoch);
  /// What is to be told: that it does not answer, once.
  std::string look(Time now);
  /// Whether it was told to be away.
  bool is_gone() const { return told_gone_; }

 private:
  const std::string name_;
  std::optional<Time> asked_;
  std::optional<std::uint64_t> epoch_;
  bool told_gone_ = false;
};

class ServerWatch {
 public:
  ServerWatch(Client& client, const std::string& name);
  ~ServerWatch();
  ServerWatch(const ServerWatch&) = delete;
  ServerWatch& operator=(const ServerWatch&) = delete;

  /// Between these, news goes straight to standard error. A command that ended although the server
  /// was away has news behind it, which is waited for a moment.
  void command_begins();
  void command_ends();
  /// Writes what happened since.
  void tell_news();

 private:
  void ask(const std::stop_token& stop);
  void look(const std::stop_token& stop);
  void tell(const std::string& sentence);

  Client& client_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  ServerHealth health_;
  bool command_runs_ = false;
  std::string news_;
  std::jthread asking_;
  std::jthread looking_;
};

}  // namespace sluice::shell
