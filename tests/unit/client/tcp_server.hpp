// A scripted server behind a real ROUTER on tcp: for tests of the whole client, thread and sockets
// included. It runs from construction to destruction; another one can take over its endpoint.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "protocol/limits.hpp"
#include "runtime/runner.hpp"

namespace sluice::tests {

/// Welcomes sessions, answers pings, and hands all else to the script. A peer that has not said
/// hello gets `hello_required`.
class ScriptedBroker final : public runtime::Actor {
 public:
  using Script = std::function<std::optional<runtime::Message>(const runtime::Message& request)>;
  ScriptedBroker(std::uint64_t epoch, Script script) : epoch_(epoch), script_(std::move(script)) {}

  void on_message(runtime::Message&& message, runtime::Time now, runtime::Outbox& outbox) override;
  void on_tick(runtime::Time, runtime::Outbox&) override {}
  runtime::Time next_tick() const override { return runtime::never; }

  std::atomic<int> byes = 0;
  std::atomic<int> pings = 0;
  /// What the next session is granted.
  std::atomic<std::uint32_t> chunk_bytes = protocol::limits::chunk_bytes;
  std::atomic<std::uint32_t> small_file_bytes = protocol::limits::small_file_bytes;

 private:
  std::uint64_t epoch_;
  Script script_;
  std::set<std::string> peers_;
  std::set<std::string> sessions_;
};

class TcpServer {
 public:
  explicit TcpServer(ScriptedBroker::Script script, std::uint64_t epoch = 1,
                     const std::string& endpoint = "tcp://127.0.0.1:*");
  /// Goes without a word, like a server that is killed.
  ~TcpServer();

  const std::string& endpoint() const { return endpoint_; }
  int byes() const { return broker_.byes; }
  const std::atomic<int>& pings() const { return broker_.pings; }
  void grant(std::uint32_t chunk_bytes, std::uint32_t small_file_bytes) {
    broker_.chunk_bytes = chunk_bytes;
    broker_.small_file_bytes = small_file_bytes;
  }

 private:
  runtime::Context context_;
  std::unique_ptr<runtime::Runner> runner_;
  ScriptedBroker broker_;
  std::string endpoint_;
  std::thread thread_;
};

}  // namespace sluice::tests
