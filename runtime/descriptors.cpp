// See descriptors.hpp.
#include "runtime/descriptors.hpp"

#include <sys/resource.h>

namespace sluice::runtime {

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Where this is refused the limit stays as it was, and what exceeds it is answered `overloaded`.
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace sluice::runtime
