// The window is twice what arrives in the shortest delay seen, as congestion controls by bandwidth
// and delay have it (BBR: Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue
// 14(5), 2016): less leaves the connection idle, more only waits in queues. While the window is
// what limits the rate, that doubles it with each delay.
#include "client/transfer/transfer_window.hpp"

#include <algorithm>

#include "protocol/limits.hpp"

namespace sluice::client {

namespace {

using protocol::limits::leaf_bytes;

// So many chunks at least: one is sent, one done, one answered, and one makes up for what varies.
constexpr std::size_t least_chunks = 4;
// A chunk takes no longer than this where whole leaves allow it, so that progress is seen and a
// stop is quick.
constexpr std::chrono::duration<double> chunk_time{0.05};
// For how long a rate is believed, once or twice; and a delay.
constexpr std::chrono::seconds stretch{5};
constexpr std::chrono::seconds delay_lasts{10};

}  // namespace

TransferWindow::TransferWindow(const ServerLimits& granted)
    : chunk_most_(granted.chunk_bytes),
      window_most_(std::max(granted.chunk_bytes, granted.window_bytes / 2)),
      chunk_bytes_(chunk_most_),
      window_bytes_(std::min(window_most_, least_chunks * chunk_most_)) {}

void TransferWindow::sent(std::uint64_t offset, std::size_t bytes, Time now) {
  // After a rest, the rest is no sign of a slow connection.
  if (under_way_.empty()) answered_at_ = now;
  under_way_[offset] = {bytes, now, answered_bytes_, answered_at_};
  under_way_bytes_ += bytes;
}

std::size_t TransferWindow::answered(std::uint64_t offset, Time now) {
  const Request request = under_way_.extract(offset).mapped();
  under_way_bytes_ -= request.bytes;
  answered_bytes_ += request.bytes;
  answered_at_ = now;
  see_rate(request, now);
  see_delay(request, now);
  adapt();
  if (looks_for_delay_ && !small_since_ && under_way_bytes_ <= window_bytes_) small_since_ = now;
  return request.bytes;
}

void TransferWindow::see_rate(const Request& request, Time now) {
  if (now - stretch_since_ >= stretch) {
    rates_ = {0, rates_[0]};
    stretch_since_ = now;
  }
  const Duration time = now - request.answered_at;
  const auto bytes = static_cast<double>(answered_bytes_ - request.answered_bytes);
  if (time > Duration::zero()) rates_[0] = std::max(rates_[0], bytes / time.count());
}

void TransferWindow::see_delay(const Request& request, Time now) {
  const Duration delay = now - request.at;
  const bool is_seen = looks_for_delay_ && small_since_ && request.at >= *small_since_;
  if (delay <= delay_ || is_seen) {
    delay_ = delay;
    delay_bytes_ = request.bytes;
    delay_seen_ = now;
    looks_for_delay_ = false;
  } else if (!looks_for_delay_ && now - delay_seen_ >= delay_lasts) {
    looks_for_delay_ = true;
    small_since_.reset();
  }
}

void TransferWindow::adapt() {
  const double rate = std::max(rates_[0], rates_[1]);
  if (rate <= 0) return;
  const double in_time = std::min(rate * chunk_time.count(), static_cast<double>(chunk_most_));
  const auto leaves = std::max<std::size_t>(1, static_cast<std::size_t>(in_time) / leaf_bytes);
  chunk_bytes_ = std::min(chunk_most_, leaves * leaf_bytes);
  const std::size_t least = std::min(window_most_, least_chunks * chunk_bytes_);
  // Less what was the chunk's own time on the way.
  const double in_delay = rate * delay_.count() - static_cast<double>(delay_bytes_);
  const double more = looks_for_delay_ ? 0 : 2 * std::max(in_delay, 0.0);
  window_bytes_ =
      least + static_cast<std::size_t>(std::min(more, static_cast<double>(window_most_ - least)));
}

}  // namespace sluice::client
