// A request and the wish to stop it come from different threads, and so does the answer.
#include "client/single_request.hpp"

#include <algorithm>
#include <mutex>

#include "protocol/limits.hpp"

namespace sluice::client {

using protocol::Code;
using protocol::Result;
using runtime::Message;

namespace {

/// Withdraws a request once its caller wants to stop, until it is answered.
class Withdrawal {
 public:
  Withdrawal(Requester& requester, std::stop_token stop)
      : requester_(requester), stop_(std::move(stop)) {}

  void begin(std::uint64_t handle) {
    const std::lock_guard lock(mutex_);
    if (!answered_) on_stop_.emplace(stop_, [this, handle] { requester_.cancel(handle); });
  }

  void end() {
    const std::lock_guard lock(mutex_);
    answered_ = true;
    on_stop_.reset();
  }

 private:
  Requester& requester_;
  std::stop_token stop_;
  std::mutex mutex_;
  bool answered_ = false;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace

Result<Message> unless_error(Message&& answer) {
  if (answer.header.type != protocol::Type::error) return std::move(answer);
  auto reply = protocol::decode<protocol::ErrorReply>(answer.body);
  if (!reply) return tl::make_unexpected(reply.error());
  return protocol::fail(reply->code, reply->path, reply->detail);
}

void bound(Message& request, std::optional<std::chrono::milliseconds> patience,
           std::chrono::milliseconds more) {
  if (!patience) return;
  using Rep = std::chrono::milliseconds::rep;
  constexpr Rep most = protocol::limits::wait_max_ms;
  request.stamp.number = static_cast<std::uint64_t>(std::clamp<Rep>(patience->count(), 1, most) +
                                                    std::clamp<Rep>(more.count(), 0, most));
}

Start<Message> ask(Requester& requester, Message request, std::stop_token stop) {
  return [&requester, request = std::move(request), stop = std::move(stop)](Done<Message> done) {
    if (stop.stop_requested()) return done(protocol::fail(Code::cancelled));
    if (!stop.stop_possible()) {
      requester.submit(request, [done = std::move(done)](Message&& answer) {
        done(unless_error(std::move(answer)));
      });
      return;
    }
    const auto withdrawal = std::make_shared<Withdrawal>(requester, stop);
    withdrawal->begin(
        requester.submit(request, [withdrawal, done = std::move(done)](Message&& answer) {
          withdrawal->end();
          done(unless_error(std::move(answer)));
        }));
  };
}

Start<ServerLimits> ask_limits(Requester& requester, std::stop_token stop,
                               std::optional<std::chrono::milliseconds> patience) {
  return [&requester, stop = std::move(stop), patience](Done<ServerLimits> done) {
    if (const auto known = requester.limits()) return done(*known);
    Message ping = runtime::make_message({}, protocol::Ping{});
    bound(ping, patience);
    ask(requester, std::move(ping),
        stop)([&requester, done = std::move(done)](Result<Message>&& pong) {
      if (!pong) return done(tl::make_unexpected(pong.error()));
      if (const auto known = requester.limits()) return done(*known);
      done(protocol::fail(Code::bad_message, {}, "the server answered without a welcome"));
    });
  };
}

}  // namespace sluice::client
