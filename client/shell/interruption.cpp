// Ctrl-C and kill: see interruption.hpp.
#include "client/shell/interruption.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <system_error>

#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

using Clock = std::chrono::steady_clock;

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  // It can only fail when the event is set already.
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

}  // namespace

Interruption::Interruption() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, &original_mask_);
  signal_fd_ = checked(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  wake_fd_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  end_fd_ = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  watcher_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  take_signals();
  for (int fd : {signal_fd_, wake_fd_, end_fd_}) ::close(fd);
}

int Interruption::take_signals() {
  if (watcher_.joinable()) {
    raise_event(end_fd_);
    watcher_.join();
  }
  return signal_fd_;
}

void Interruption::check() const {
  if (happened()) throw Error("interrupted", {}, {});
}

void Interruption::watch() {
  std::array<pollfd, 2> ready{{{signal_fd_, POLLIN, 0}, {end_fd_, POLLIN, 0}}};
  Clock::time_point first{};
  while (true) {
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[1].revents != 0) return;
    signalfd_siginfo info;
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
      if (!stop_.stop_requested()) {
        first = Clock::now();
        // Whoever is woken looks whether to stop, so that has to be true by then.
        stop_.request_stop();
        raise_event(wake_fd_);
      } else if (Clock::now() - first > std::chrono::seconds(1)) {
        // Whoever asks again does not want to wait for things to be put in order.
        ::_exit(130);
      }
    }
  }
}

}  // namespace sluice::shell
