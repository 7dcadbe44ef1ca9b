// The window of a transfer over a connection of some rate and delay, in its own time.
#include "client/transfer/transfer_window.hpp"

#include <deque>

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"

namespace sluice::tests {
namespace {

using client::ServerLimits;
using client::TransferWindow;
using namespace std::chrono_literals;
using Duration = std::chrono::duration<double>;
namespace limits = protocol::limits;

const ServerLimits granted{limits::window_bytes, limits::chunk_bytes, limits::small_file_bytes};

/// Chunks go over it one behind the other, and each arrives `delay` later.
class Connection {
 public:
  Connection(double bytes_per_second, Duration delay) : rate(bytes_per_second), delay(delay) {}

  /// Moves so much, and gives the rate at which it arrived.
  double move(TransferWindow& window, std::uint64_t bytes) {
    const Duration begin = now_;
    std::uint64_t to_send = bytes, to_arrive = bytes;
    while (to_arrive > 0) {
      while (to_send > 0 && window.has_room()) {
        const std::size_t chunk = std::min<std::uint64_t>(to_send, window.chunk_bytes());
        window.sent(next_, chunk, time(now_));
        free_ = std::max(free_, now_) + Duration(static_cast<double>(chunk) / rate);
        under_way_.push_back({next_, free_ + delay});
        next_ += chunk;
        to_send -= chunk;
      }
      const Sent sent = under_way_.front();
      under_way_.pop_front();
      now_ = sent.arrives;
      to_arrive -= window.answered(sent.offset, time(now_));
    }
    return static_cast<double>(bytes) / (now_ - begin).count();
  }
  void rest(Duration time) { now_ += time; }

  double rate;
  Duration delay;

 private:
  struct Sent {
    std::uint64_t offset;
    Duration arrives;
  };
  static TransferWindow::Time time(Duration since_start) {
    return TransferWindow::Time(
        std::chrono::duration_cast<TransferWindow::Time::duration>(since_start + 1h));
  }

  Duration now_{0}, free_{0};
  std::uint64_t next_ = 0;
  std::deque<Sent> under_way_;
};

TEST_CASE("a window is found that keeps a connection busy, whatever its rate and delay") {
  // The last: 1 Gbit/s over half the world's distance within what the server grants.
  const auto [rate, delay] = GENERATE(table<double, Duration>(
      {{1e6, 1ms}, {1e6, 100ms}, {20e6, 50ms}, {125e6, 0.2ms}, {125e6, 50ms}, {3e9, 0.3ms}}));
  CAPTURE(rate, delay.count());
  TransferWindow window(granted);
  Connection connection(rate, delay);
  connection.move(window, static_cast<std::uint64_t>(rate));
  CHECK(connection.move(window, static_cast<std::uint64_t>(rate * 5)) > 0.9 * rate);
  CHECK(window.window_bytes() <= granted.window_bytes / 2);
  CHECK(window.under_way_bytes() == 0);
}

TEST_CASE("no more waits in queues than keeps a slow connection busy") {
  TransferWindow window(granted);
  Connection slow(1e6, 20ms);
  slow.move(window, 10'000'000);
  CHECK(window.chunk_bytes() == limits::leaf_bytes);
  // Under a second of it.
  CHECK(window.window_bytes() < 1'000'000);
}

TEST_CASE("a window follows a connection that changes") {
  TransferWindow window(granted);
  Connection connection(1e6, 1ms);
  connection.move(window, 10'000'000);
  connection.rate = 100e6;
  connection.move(window, 20'000'000);
  CHECK(window.chunk_bytes() == limits::chunk_bytes);
  CHECK(connection.move(window, 300'000'000) > 0.9 * 100e6);
  connection.delay = 70ms;
  connection.move(window, 1'000'000'000);
  CHECK(connection.move(window, 500'000'000) > 0.9 * 100e6);
  connection.rate = 1e6;
  connection.move(window, 20'000'000);
  CHECK(window.window_bytes() < 1'500'000);
}

TEST_CASE("a rest is no sign of a slow connection") {
  TransferWindow window(granted);
  Connection connection(100e6, 1ms);
  for (int i = 0; i < 20; ++i) {
    connection.rest(3s);
    connection.move(window, 1u << 20);
  }
  CHECK(window.chunk_bytes() == limits::chunk_bytes);
  CHECK(window.window_bytes() >= 4 * limits::chunk_bytes);
}

TEST_CASE("a window holds a chunk at least, whatever the server grants") {
  TransferWindow window({1'000, limits::leaf_bytes, 100});
  Connection connection(1e3, 500ms);
  connection.move(window, 1'000'000);
  CHECK(window.chunk_bytes() == limits::leaf_bytes);
  CHECK(window.window_bytes() == limits::leaf_bytes);
}

}  // namespace
}  // namespace sluice::tests
