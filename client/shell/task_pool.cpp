// Tasks that add tasks: see task_pool.hpp.
#include "client/shell/task_pool.hpp"

#include <thread>
#include <utility>

namespace sluice::shell {

void TaskPool::add(Task task) {
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  waiting_.push_back(std::move(task));
  changed_.notify_one();
}

void TaskPool::run() {
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads_; ++i) others.emplace_back([this] { work(); });
    work();
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void TaskPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !waiting_.empty() || running_ == 0; });
    if (waiting_.empty()) return;
    Task task = std::move(waiting_.back());
    waiting_.pop_back();
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    task = nullptr;
    lock.lock();
    --running_;
    if (failure && !failure_) failure_ = failure;
    if (failure_) waiting_.clear();
    if (waiting_.empty() && running_ == 0) changed_.notify_all();
  }
}

}  // namespace sluice::shell
