// A queue, and threads that take from it until it is closed and empty.
#include "client/transfer_threads.hpp"

#include "client/quiet_thread.hpp"

namespace sluice::client {

TransferThreads::~TransferThreads() {
  close();
  join();
}

void TransferThreads::run(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      waiting_.push_back(std::move(task));
      if (waiting_.size() > idle_ && threads_.size() < most)
        threads_.push_back(start_quiet_thread([this] { work(); }));
      changed_.notify_one();
      return;
    }
  }
  task();
}

void TransferThreads::close() {
  stop_.request_stop();
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void TransferThreads::join() {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(threads_);
  }
  for (std::thread& thread : ended) thread.join();
}

void TransferThreads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace sluice::client
