// Waiting for what a server of a test counts, without looking again and again.
#pragma once

#include <atomic>

namespace sluice::tests {

/// Until `value` is at least `least`; whoever changes it calls its notify_all().
template <class T>
void wait_for_least(const std::atomic<T>& value, T least) {
  for (T seen = value; seen < least; seen = value) value.wait(seen);
}

/// Adds one, and wakes who waits for it.
template <class T>
void count(std::atomic<T>& value) {
  ++value;
  value.notify_all();
}

}  // namespace sluice::tests
