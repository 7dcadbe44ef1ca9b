// One thread waits for the earliest end of a time to live, or to be woken.
#include "client/loss_watch.hpp"

#include <algorithm>

#include "client/held_locks.hpp"
#include "client/quiet_thread.hpp"
#include "runtime/runner.hpp"

namespace sluice::client {

LossWatch::~LossWatch() {
  stop();
}

void LossWatch::add(std::shared_ptr<HeldLock> held, std::function<void()> on_lost) {
  const std::lock_guard lock(mutex_);
  if (closed_ || held->is_given_up()) return;
  entries_.push_back({std::move(held), std::move(on_lost)});
  if (!thread_.joinable()) thread_ = start_quiet_thread([this] { run(); });
  changed_.notify_all();
}

void LossWatch::forget(HeldLock& held) {
  // Outlives the mutex: what the application's function holds may have a say in its own end.
  Entry forgotten;
  std::unique_lock lock(mutex_);
  held.give_up();
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.held.get() == &held; });
  if (found != entries_.end()) {
    forgotten = std::move(*found);
    entries_.erase(found);
  }
  if (std::this_thread::get_id() == runs_on_) return;
  changed_.wait(lock, [&] { return calling_ != &held; });
}

void LossWatch::look() {
  // With the mutex, so that it does not come between the watch's look and its wait.
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void LossWatch::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void LossWatch::stop() {
  close();
  std::thread ended;
  std::vector<Entry> forgotten;
  {
    const std::lock_guard lock(mutex_);
    ended = std::move(thread_);
    forgotten.swap(entries_);
  }
  if (ended.joinable()) ended.join();
}

void LossWatch::run() {
  std::unique_lock lock(mutex_);
  runs_on_ = std::this_thread::get_id();
  while (!closed_) {
    const runtime::Time now = runtime::real_time();
    const auto lost = std::find_if(entries_.begin(), entries_.end(),
                                   [now](const Entry& entry) { return entry.held->look(now); });
    if (lost == entries_.end()) {
      runtime::Time next = runtime::never;
      for (const Entry& entry : entries_) next = std::min(next, entry.held->end());
      if (next == runtime::never)
        changed_.wait(lock);
      else
        changed_.wait_for(lock, next - now + runtime::Time(1));
      continue;
    }
    Entry entry = std::move(*lost);
    entries_.erase(lost);
    call(std::move(entry), lock);
  }
}

void LossWatch::call(Entry entry, std::unique_lock<std::mutex>& lock) {
  calling_ = entry.held.get();
  lock.unlock();
  entry.on_lost();
  entry.on_lost = nullptr;
  lock.lock();
  calling_ = nullptr;
  changed_.notify_all();
}

}  // namespace sluice::client
