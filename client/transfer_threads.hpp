// A few threads for what a future stands for and what takes more than one message: large files,
// local disks, the application's own callbacks. They start when they are needed. Any thread. Read
// on: client/async.cpp.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace sluice::client {

class TransferThreads {
 public:
  static constexpr std::size_t most = 4;
  using Task = std::function<void()>;

  ~TransferThreads();

  /// Tasks begin in the order of their coming. After `close` they run at once, on the caller's
  /// thread.
  void run(Task task);
  /// Stop is requested when the threads are to end: tasks then finish as fast as they can.
  std::stop_token stop() const { return stop_.get_token(); }
  void close();
  /// Waits until all tasks have run. From no task.
  void join();

 private:
  void work();

  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  std::size_t idle_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

/// Stops when either of two does.
class EitherStop {
 public:
  EitherStop(std::stop_token one, std::stop_token other)
      : on_one_(std::move(one), Request{&source_}),
        on_other_(std::move(other), Request{&source_}) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Request {
    std::stop_source* source;
    void operator()() const { source->request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Request> on_one_;
  std::stop_callback<Request> on_other_;
};

}  // namespace sluice::client
