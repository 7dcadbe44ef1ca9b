// The rules about time of one connection. A DEALER reconnects by itself and says nothing of what
// was lost, so silence is the only sign there is.
#include "client/link.hpp"

#include <algorithm>

namespace sluice::client {
namespace {

constexpr Time first_hello_pause{1'000};
constexpr Time last_hello_pause{5'000};
// A server that welcomes and then knows us not, again and again, is not asked in a tight loop.
constexpr Time hello_distance{100};
// The slowest network that bulk under way is given the benefit of: bytes in a millisecond.
constexpr std::size_t slow_bytes_per_ms = 1'000;

}  // namespace

void Link::greet(Time since, Time now) {
  if (state_ == State::greeting) return;
  state_ = State::greeting;
  greeting_since_ = since;
  hello_pause_ = first_hello_pause;
  hello_at_ = last_hello_ == Time::min() ? now : std::max(now, last_hello_ + hello_distance);
}

void Link::said_hello(std::uint64_t id, Time now, Time wall) {
  hello_id_ = id;
  hello_wall_ = wall;
  last_hello_ = now;
  hello_at_ = now + hello_pause_;
  hello_pause_ = std::min(hello_pause_ * 3 / 2, last_hello_pause);
  sent(now);
}

void Link::welcomed(std::uint64_t epoch, bool is_news) {
  repeats_due_ |= is_news;
  state_ = State::open;
  if (epoch != epoch_ || kind_ == protocol::Connection::control) patience_ = 1;
  epoch_ = epoch;
}

void Link::close() {
  state_ = State::closed;
  owed_since_.reset();
}

void Link::sent(Time now) {
  last_sent_ = now;
  if (!owed_since_) owed_since_ = now;
}

void Link::heard(Time now) {
  last_heard_ = now;
  owed_since_.reset();
}

void Link::answered(Time now) {
  if (state_ == State::greeting) greeting_since_ = now;
}

bool Link::is_broken(Time now, std::size_t bytes_under_way, bool server_lives) const {
  if (state_ != State::open || !owed_since_) return false;
  Time limit = silence_limit;
  if (server_lives) {
    limit += Time(bytes_under_way / slow_bytes_per_ms);
    limit *= patience_;
  }
  return now - *owed_since_ >= limit;
}

bool Link::ping_due(Time now) const {
  return state_ == State::open && now - std::max(last_ping_, last_heard_) >= ping_interval;
}

void Link::said_ping(std::uint64_t id, Time now, Time wall) {
  ping_id_ = id;
  last_ping_ = now;
  ping_wall_ = wall;
  sent(now);
}

std::optional<Time> Link::sent_at(std::uint64_t id) const {
  if (id == 0) return std::nullopt;
  if (id == ping_id_) return ping_wall_;
  if (id == hello_id_) return hello_wall_;
  return std::nullopt;
}

}  // namespace sluice::client
