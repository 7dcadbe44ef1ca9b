// The requests of one call of the library: sent without waiting, answered in any order, awaited on
// the thread that made the call. Used by that thread alone; answers come in from the connection's.
// Read on: client/transfer/upload.cpp, the best example.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>

#include "client/single_request.hpp"

namespace sluice::client {

class Pipeline {
 public:
  /// `patience` bounds the time until each request is answered (`timed_out`); none: no bound.
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
    /// When it came in, which may be long before it is looked at.
    std::chrono::steady_clock::time_point arrived{};
  };

  /// `more` is the wait that the request asks for itself.
  void send(runtime::Message request, std::uint64_t tag, std::chrono::milliseconds more = {});
  std::size_t unanswered() const { return unanswered_.size(); }
  /// Waits for the next answer, an `ErrorReply` being one too. Once the call is to stop, what is
  /// unanswered is withdrawn and its answers are still awaited.
  Answer next();
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

}  // namespace sluice::client
