// Ctrl-C, kill and the size of the terminal: see interruption.hpp.
#include "client/shell/interruption.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>

#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

using Clock = std::chrono::steady_clock;

/// Whoever asks again after this long does not want to wait for things to be put in order.
constexpr std::chrono::seconds patience{1};

int checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return fd;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  // It can only fail when the event is set already.
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

void clear_event(int fd) {
  std::uint64_t count = 0;
  // It can only fail when the event is not set.
  [[maybe_unused]] const auto taken = ::read(fd, &count, sizeof count);
}

}  // namespace

Interruption::Interruption() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, &original_mask_);
  signal_fd_ = checked(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  for (int* fd : {&wake_fd_, &end_fd_, &resized_fd_})
    *fd = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  watcher_ = std::thread([this] { watch(); });
}

Interruption::~Interruption() {
  take_signals();
  for (int fd : {signal_fd_, wake_fd_, end_fd_, resized_fd_}) ::close(fd);
}

int Interruption::take_signals() {
  if (watcher_.joinable()) {
    raise_event(end_fd_);
    watcher_.join();
    clear_event(end_fd_);
  }
  return signal_fd_;
}

bool Interruption::control_c_waits() {
  sigset_t waiting;
  return ::sigpending(&waiting) == 0 && ::sigismember(&waiting, SIGINT) == 1;
}

void Interruption::give_signals_back() {
  signalfd_siginfo info;
  while (::read(signal_fd_, &info, sizeof info) == sizeof info)
    if (info.ssi_signo != SIGINT) take_in(static_cast<int>(info.ssi_signo));
  watcher_ = std::thread([this] { watch(); });
}

std::stop_token Interruption::token() const {
  const std::lock_guard lock(mutex_);
  return stop_.get_token();
}

void Interruption::begin_operation() {
  const std::lock_guard lock(mutex_);
  if (told_to_end_ || !stop_.stop_requested()) return;
  stop_ = std::stop_source();
  clear_event(wake_fd_);
}

void Interruption::check() const {
  if (happened()) throw Error("interrupted", {}, {});
}

bool Interruption::take_in(int signal) {
  if (signal == SIGWINCH) {
    raise_event(resized_fd_);
    return false;
  }
  std::stop_source operation;
  {
    const std::lock_guard lock(mutex_);
    if (signal != SIGINT) told_to_end_ = true;
    operation = stop_;
  }
  // Whoever is woken looks whether to stop, so that has to be true by then.
  const bool first = operation.request_stop();
  raise_event(wake_fd_);
  return first;
}

void Interruption::watch() {
  std::array<pollfd, 2> ready{{{signal_fd_, POLLIN, 0}, {end_fd_, POLLIN, 0}}};
  std::optional<Clock::time_point> first;
  while (true) {
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[1].revents != 0) return;
    signalfd_siginfo info;
    while (::read(signal_fd_, &info, sizeof info) == sizeof info) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (take_in(signal)) {
        first = Clock::now();
      } else if (signal != SIGWINCH && Clock::now() - first.value_or(Clock::now()) > patience) {
        ::_exit(130);
      }
    }
  }
}

}  // namespace sluice::shell
