// A session with its thread and its two sockets: what all calls of a Client share. The thread runs
// the session; callers on other threads reach it through the runner's mailbox, and their answers
// come back on it. Read on: client/session.hpp, client/pipeline.hpp.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "client/held_locks.hpp"
#include "client/requester.hpp"
#include "client/session.hpp"
#include "runtime/runner.hpp"

namespace sluice::client {

class Connection final : public Requester, public std::enable_shared_from_this<Connection> {
 public:
  /// Fails with `unreachable` for an endpoint that is malformed.
  static protocol::Result<std::unique_ptr<Connection>> open(const std::string& endpoint,
                                                            SessionConfig config);
  ~Connection() override;

  /// Says bye and waits a moment for the answer: what is unanswered, and whatever is asked from now
  /// on, is answered `cancelled`; all locks are lost, and nobody is told of it. The second call
  /// does nothing.
  void end();
  bool has_ended() const { return ended_; }
  /// Ends the session and the thread; afterwards everything is answered `cancelled` by whoever
  /// asks. Not on that thread.
  void close();

  std::uint64_t submit(runtime::Message request, Answer answer) override;
  void cancel(std::uint64_t handle) override;
  std::optional<ServerLimits> limits() const override;

  HeldLocks& held_locks() { return held_locks_; }
  const std::string& endpoint() const { return endpoint_; }
  Traffic traffic() const { return session_.traffic(); }
  /// The last welcome, if there was one.
  std::optional<protocol::Welcome> welcome() const;

 private:
  Connection(std::string endpoint, SessionConfig config);
  protocol::Result<void> attach();
  void start();
  void take(runtime::Message&& message);
  /// The token of a grant that came too late to be trusted.
  std::optional<std::string> note(const runtime::Message& message);
  void note_welcome(const protocol::Welcome& welcome);
  void note_news_of_lock(const runtime::Message& message);
  void prove_grant(const std::string& token, runtime::Message&& grant, Answer&& answer);
  void ask_about_lock(const std::string& token);

  std::string endpoint_;
  runtime::Context context_;
  runtime::Runner runner_{context_};
  Session session_;
  HeldLocks held_locks_;

  mutable std::mutex mutex_;
  std::map<std::uint64_t, Answer> answers_;
  /// The thread has ended and answers nothing any more.
  bool closed_ = false;
  std::atomic<bool> ended_ = false;
  std::uint64_t last_handle_ = 0;
  std::optional<protocol::Welcome> welcome_;

  std::thread thread_;
};

}  // namespace sluice::client
