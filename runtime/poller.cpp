// See poller.hpp. libzmq's descriptor of a socket is readable while commands wait for it, whatever
// they say; what a socket has for its reader is known to libzmq alone.
#include "runtime/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace sluice::runtime {
namespace {

constexpr int events_a_sleep = 128;

}  // namespace

Poller::Poller() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Poller::~Poller() {
  close(epoll_fd_);
}

void Poller::watch(Socket& socket, Call readable) {
  const auto same = [&](const auto& item) { return item->socket == &socket; };
  // The descriptor of a socket that was replaced is closed, and so no longer watched.
  auto found = std::find_if(items_.begin(), items_.end(), same);
  if (found == items_.end())
    found = items_.insert(items_.end(), std::make_unique<Item>(Item{&socket, -1, {}, false}));
  (*found)->readable = std::move(readable);
  add(socket.wake_fd(), **found);
}

void Poller::watch(int fd, Call readable) {
  items_.push_back(std::make_unique<Item>(Item{nullptr, fd, std::move(readable), false}));
  add(fd, *items_.back());
}

void Poller::add(int fd, Item& item) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &item;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

bool Poller::wait(std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  const bool for_ever = timeout < std::chrono::milliseconds(0);
  const auto end = for_ever ? Clock::time_point::max() : Clock::now() + timeout;
  for (const auto& item : items_) item->ready = false;
  bool any = ask_sockets();
  for (auto left = timeout;;) {
    // Those that are ready already must not keep the others from being looked at.
    const bool woken = sleep(any ? 0 : static_cast<int>(left.count()));
    any = woken || any;
    if (any) return true;
    if (for_ever) continue;
    left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left <= std::chrono::milliseconds(0)) return false;
  }
}

bool Poller::ask_sockets() {
  bool any = false;
  for (const auto& item : items_) {
    if (item->socket == nullptr) continue;
    item->ready = item->socket->readable(false);
    any = any || item->ready;
  }
  return any;
}

bool Poller::sleep(int timeout_ms) {
  std::array<epoll_event, events_a_sleep> events;
  const int count =
      epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count < 0 && errno != EINTR)
    throw std::system_error(errno, std::generic_category(), "epoll_wait");
  bool any = false;
  for (int i = 0; i < count; ++i) {
    Item& item = *static_cast<Item*>(events[static_cast<std::size_t>(i)].data.ptr);
    item.ready = item.socket == nullptr || item.socket->readable(true);
    any = any || item.ready;
  }
  return any;
}

void Poller::call_ready() {
  // A call may add to the items; what it adds is not ready yet.
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (items_[i]->ready) items_[i]->readable();
}

}  // namespace sluice::runtime
