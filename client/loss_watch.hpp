// Tells the application when locks are lost (`Acquire::on_lost`): at once where the server's word
// or a dead session lost them, at the end of their time to live where the server falls silent. Its
// thread starts with the first lock that wants to tell. Any thread. Read on: client/held_locks.hpp.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::client {

class HeldLock;

class LossWatch {
 public:
  ~LossWatch();

  /// `on_lost` is called once when the lock is lost, on the watch's thread, one call after the
  /// other; not at all once `forget` or `close` was called, be it before this.
  void add(std::shared_ptr<HeldLock> held, std::function<void()> on_lost);
  /// Returns when no call for this lock is under way any more, unless it is called from that call.
  void forget(HeldLock& held);
  /// A lock was lost.
  void look();
  /// Begins no further call.
  void close();
  /// Closes, and waits for the call that is under way. Not from such a call.
  void stop();

 private:
  struct Entry {
    std::shared_ptr<HeldLock> held;
    std::function<void()> on_lost;
  };
  void run();
  void call(Entry entry, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  /// Whose call is under way.
  const HeldLock* calling_ = nullptr;
  std::thread::id runs_on_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace sluice::client
