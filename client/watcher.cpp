// Follows a path by one long poll after the other. Any thread. Read on: sluice/watcher.hpp.
#include "sluice/watcher.hpp"

#include <algorithm>

#include "client/watcher.hpp"
#include "protocol/limits.hpp"

namespace sluice {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
namespace limits = protocol::limits;

Watcher::Watcher(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Watcher::Watcher(Watcher&&) noexcept = default;
Watcher& Watcher::operator=(Watcher&&) noexcept = default;
Watcher::~Watcher() = default;

std::uint64_t Watcher::position() const noexcept {
  return impl_->watching.after.value_or(0);
}

Events Watcher::next(milliseconds wait, const Call& call) {
  const auto until =
      Clock::now() + std::clamp(wait, milliseconds(0), milliseconds(limits::wait_max_ms));
  // A server that has much to look through says so by an answer without events; so many, at most.
  constexpr std::size_t most_early = limits::watch_history / limits::watch_scan + 1;
  for (std::size_t early = 0;; ++early) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    const bool is_over = left.count() <= 0;
    const std::uint64_t before = position();
    Events found = client::now(impl_->operations->watch(impl_->path, impl_->watching, left, call));
    impl_->watching.after = found.next;
    if (!found.events.empty() || found.gap) return found;
    if (is_over && (found.next == before || early >= most_early)) return found;
  }
}

}  // namespace sluice
