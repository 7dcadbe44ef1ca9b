// How fast something that is counted has grown over the last few seconds. Time comes from the
// caller. Not for several threads at once. Read on: progress.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace sluice::shell {

class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Counting begins at `now` with `done`.
  RateMeter(Time now, std::uint64_t done) : samples_{{now, done}} {}

  /// The count as it is now. May be told as often as one likes.
  void note(Time now, std::uint64_t done) {
    latest_ = {now, done};
    if (now - samples_.back().time < step) return;
    samples_.push_back(latest_);
    while (samples_.size() > 2 && now - samples_[1].time >= window) samples_.pop_front();
  }

  /// Over the last five seconds before what was noted last, or since the beginning; 0 if it went
  /// back.
  double per_second() const {
    const Sample& first = samples_.front();
    const std::chrono::duration<double> span = latest_.time - first.time;
    if (span.count() <= 0 || latest_.done < first.done) return 0;
    return static_cast<double>(latest_.done - first.done) / span.count();
  }

 private:
  struct Sample {
    Time time;
    std::uint64_t done;
  };

  static constexpr std::chrono::milliseconds step{250};
  static constexpr std::chrono::seconds window{5};

  std::deque<Sample> samples_;
  Sample latest_ = samples_.front();
};

}  // namespace sluice::shell
