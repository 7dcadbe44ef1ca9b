// The requests of one call of the library: sent without waiting, answered in any order, awaited on
// the thread that made the call. Used by that thread alone; answers come in from the connection's.
// Read on: client/transfer/upload.cpp, the best example.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>

#include "client/requester.hpp"

namespace sluice::client {

class Pipeline {
 public:
  /// `patience` bounds each wait for an answer (`timed_out`); none: no bound.
  explicit Pipeline(Requester& requester, std::stop_token stop = {},
                    std::optional<std::chrono::milliseconds> patience = {});
  /// Withdraws what is unanswered; a lock that is granted after all is given back.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  struct Answer {
    /// As given to `send`.
    std::uint64_t tag = 0;
    runtime::Message message;
  };

  void send(runtime::Message request, std::uint64_t tag);
  std::size_t unanswered() const { return unanswered_.size(); }
  /// Waits for the next answer, an `ErrorReply` being one too. `patience` is added to by `more`.
  /// Once the call is to stop, what is unanswered is withdrawn and its answers are still awaited.
  /// Fails with `timed_out` only.
  protocol::Result<Answer> next(std::chrono::milliseconds more = {});
  bool stopped() const { return stop_.stop_requested(); }

  /// Sends one request and waits for its answer; an `ErrorReply` becomes an error.
  protocol::Result<runtime::Message> call(runtime::Message request,
                                          std::chrono::milliseconds more = {});
  /// The same with bodies: `ask<StatReply>(Stat{path})`.
  template <protocol::Fields Reply, protocol::Fields M>
  protocol::Result<Reply> ask(const M& body, std::chrono::milliseconds more = {}) {
    auto reply = call(runtime::make_message({}, body), more);
    if (!reply) return tl::make_unexpected(reply.error());
    return protocol::decode<Reply>(reply->body);
  }

  /// What the server has granted; asks it for a sign of life if it was not reached yet.
  protocol::Result<ServerLimits> limits();

 private:
  struct Inbox;
  void cancel_all();

  Requester& requester_;
  std::stop_token stop_;
  std::optional<std::chrono::milliseconds> patience_;
  std::shared_ptr<Inbox> inbox_;
  /// Handle of each unanswered request, by tag.
  std::map<std::uint64_t, std::uint64_t> unanswered_;
  bool cancelled_ = false;
};

/// The error an answer is, or the answer.
protocol::Result<runtime::Message> unless_error(runtime::Message&& answer);

}  // namespace sluice::client
