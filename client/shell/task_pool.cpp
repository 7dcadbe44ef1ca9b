// Tasks that add tasks: see task_pool.hpp.
#include "client/shell/task_pool.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace sluice::shell {

void TaskPool::add(Task task) {
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  waiting_.push_back(std::move(task));
  changed_.notify_one();
}

struct TaskPool::Series {
  Series(std::size_t how_many, std::function<void(std::size_t)> task)
      : count(how_many), each(std::move(task)) {}

  const std::size_t count;
  const std::function<void(std::size_t)> each;
  std::atomic<std::size_t> next = 0;
};

void TaskPool::add_each(std::size_t count, std::function<void(std::size_t)> each) {
  const auto series = std::make_shared<Series>(count, std::move(each));
  for (std::size_t i = 0; i < std::min(count, threads_); ++i) add_next(series);
}

void TaskPool::add_next(const std::shared_ptr<Series>& series) {
  add([this, series] {
    const std::size_t at = series->next++;
    if (at >= series->count) return;
    series->each(at);
    add_next(series);
  });
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
