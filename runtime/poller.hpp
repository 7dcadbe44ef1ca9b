// Waiting for many sockets and descriptors at once, for one thread. zmq_poll asks each socket twice
// at every call, which with tens of sockets costs more than what they brought; here only those are
// asked that were woken or used since they were last found empty. Read on: runtime/transport.hpp
// (Socket::readable), runtime/runner.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/transport.hpp"

namespace sluice::runtime {

class Poller {
 public:
  using Call = std::function<void()>;

  /// Throws std::system_error when the process has no descriptor left.
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// The socket must stay where it is as long as the poller is used. To be called again for one
  /// that was replaced by another.
  void watch(Socket& socket, Call readable);
  void watch(int fd, Call readable);

  /// Waits until something is readable or the time is over; a negative time waits for ever. Whether
  /// something is.
  bool wait(std::chrono::milliseconds timeout);
  /// Calls what was given for each that the last `wait` found readable. What is not read to its end
  /// is found again.
  void call_ready();

 private:
  struct Item {
    Socket* socket = nullptr;
    int fd = -1;
    Call readable;
    bool ready = false;
  };
  void add(int fd, Item& item);
  /// Both: whether something is readable.
  bool ask_sockets();
  bool sleep(int timeout_ms);

  int epoll_fd_ = -1;
  std::vector<std::unique_ptr<Item>> items_;
};

}  // namespace sluice::runtime
