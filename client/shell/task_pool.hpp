// A few threads that do tasks which may add tasks: how trees are walked and moved. The last task
// added is done first, so that few wait at any time. Read on: upload.cpp, download.cpp.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sluice::shell {

class TaskPool {
 public:
  using Task = std::function<void()>;

  /// `threads` counts the one that calls run().
  explicit TaskPool(std::size_t threads) : threads_(threads) {}

  /// From any thread.
  void add(Task task);
  /// Does `each` of 0 to count - 1, as many at once as there are threads. Few tasks wait however
  /// many they are. From any thread.
  void add_each(std::size_t count, std::function<void(std::size_t)> each);
  /// Returns when no task is left. The first exception of a task drops all that wait and is thrown
  /// on here, when those under way have ended.
  void run();

 private:
  struct Series;

  void add_next(const std::shared_ptr<Series>& series);
  void work();

  const std::size_t threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> waiting_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace sluice::shell
