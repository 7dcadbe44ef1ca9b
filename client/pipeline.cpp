// The inbox that both threads share outlives the pipeline, since answers may come late.
#include "client/pipeline.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "protocol/messages/locks.hpp"

namespace sluice::client {

using protocol::Code;
using runtime::Message;

struct Pipeline::Inbox {
  std::mutex mutex;
  std::condition_variable_any arrived;
  std::deque<Answer> answers;
  /// Nobody waits any more.
  bool closed = false;
};

namespace {

void give_back(Requester& requester, const Message& answer) {
  if (answer.header.type != protocol::Type::acquire_lock_reply) return;
  const auto grant = protocol::decode<protocol::AcquireLockReply>(answer.body);
  if (grant)
    requester.submit(runtime::make_message({}, protocol::ReleaseLock{grant->token}),
                     [](Message&&) {});
}

}  // namespace

Pipeline::Pipeline(Requester& requester, std::stop_token stop,
                   std::optional<std::chrono::milliseconds> patience)
    : requester_(requester),
      stop_(std::move(stop)),
      patience_(patience),
      inbox_(std::make_shared<Inbox>()) {}

Pipeline::~Pipeline() {
  std::deque<Answer> unread;
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->closed = true;
    unread.swap(inbox_->answers);
  }
  for (const Answer& answer : unread) {
    unanswered_.erase(answer.tag);
    give_back(requester_, answer.message);
  }
  if (!cancelled_) cancel_all();
}

void Pipeline::send(Message request, std::uint64_t tag, std::chrono::milliseconds more) {
  bound(request, patience_, more);
  auto answer = [inbox = inbox_, tag, &requester = requester_](Message&& message) {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(inbox->mutex);
      if (!inbox->closed) {
        inbox->answers.push_back({tag, std::move(message), now});
        inbox->arrived.notify_one();
        return;
      }
    }
    give_back(requester, message);
  };
  unanswered_[tag] = requester_.submit(std::move(request), std::move(answer));
}

Pipeline::Answer Pipeline::next() {
  std::unique_lock lock(inbox_->mutex);
  const auto has_answer = [this] { return !inbox_->answers.empty(); };
  if (!inbox_->arrived.wait(lock, cancelled_ ? std::stop_token{} : stop_, has_answer)) {
    lock.unlock();
    cancel_all();
    lock.lock();
    inbox_->arrived.wait(lock, has_answer);
  }
  Answer answer = std::move(inbox_->answers.front());
  inbox_->answers.pop_front();
  unanswered_.erase(answer.tag);
  return answer;
}

void Pipeline::cancel_all() {
  cancelled_ = true;
  for (const auto& [tag, handle] : unanswered_) requester_.cancel(handle);
}

protocol::Result<Message> Pipeline::call(Message request, std::chrono::milliseconds more) {
  if (stopped()) return protocol::fail(Code::cancelled);
  send(std::move(request), 0, more);
  return unless_error(next().message);
}

}  // namespace sluice::client
