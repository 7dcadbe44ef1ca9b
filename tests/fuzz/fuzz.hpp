// What a fuzz target gives to whoever drives it. Each target is one file with these two functions;
// it crashes (`require`) when an invariant does not hold, and must take any bytes.
//
// Built by meson with driver.cpp as a plain program that runs seeds and seeded mutations. With
// libFuzzer:
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. -DMSGPACK_NO_BOOST
//     tests/fuzz/body_fuzz.cpp tests/golden/every_message.cpp protocol/*.cpp -lxxhash -o body_fuzz
//   (build/tests/fuzz/fuzz_body --write-seeds DIR makes its first corpus), then: ./body_fuzz DIR
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sluice::fuzz {

/// Inputs to start from.
std::vector<std::string> seeds();

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace sluice::fuzz
