// Digests of files: XXH3-128 over leaves of a fixed size, and a root digest over the leaves, so
// that chunks may travel in any order through any worker. Pure functions. Read on:
// docs/protocol.md, "Digests".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace sluice::protocol {

/// XXH3-128 in its canonical (big-endian) form, 16 bytes.
using Digest = std::array<char, 16>;

Digest digest_of(std::span<const char> bytes);

/// The digests of the leaves of `bytes`, 16 bytes each, one after the other. `bytes` starts on a
/// leaf boundary of the file; only its last leaf may be short. Empty for no bytes.
std::string leaves_of(std::span<const char> bytes);

/// The same of so many bytes that are all zero.
std::string leaves_of_zeros(std::uint64_t size_bytes);

/// The root digest: XXH3-128 over all leaf digests in order. `leaves` is a multiple of 16 bytes
/// long.
Digest root_of(std::string_view leaves);

/// The same of leaves that come piece by piece.
class RootDigest {
 public:
  RootDigest();
  void add(std::string_view leaves);
  Digest digest() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

constexpr std::uint64_t leaf_count(std::uint64_t size_bytes, std::uint64_t leaf) {
  return (size_bytes + leaf - 1) / leaf;
}

std::string to_hex(std::string_view bytes);
inline std::string to_hex(const Digest& digest) {
  return to_hex({digest.data(), digest.size()});
}
/// The bytes of an even number of lower-case hex digits; empty if it is none.
std::string from_hex(std::string_view hex);

}  // namespace sluice::protocol
