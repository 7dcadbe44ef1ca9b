// See agent.hpp.
#include "client/agent.hpp"

#include <atomic>

namespace sluice::client {

std::uint64_t new_agent() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

std::uint64_t agent_of_this_thread() {
  thread_local const std::uint64_t agent = new_agent();
  return agent;
}

}  // namespace sluice::client
