// Self-checking file contents: whoever reads some can tell whether they are whole, and whose they
// are. A file of 24 bytes or more begins with mark, id and size and goes on with bytes drawn from
// the id; a shorter one is the first bytes of that. Pure functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

namespace sluice::system_test {

inline constexpr std::size_t head_bytes = 24;

/// The one content with this id and size.
inline std::string content(std::uint64_t id, std::size_t size) {
  std::string bytes(size + head_bytes + 8, '\0');
  std::memcpy(bytes.data(), "contents", 8);
  std::memcpy(bytes.data() + 8, &id, 8);
  const std::uint64_t size_bytes = size;
  std::memcpy(bytes.data() + 16, &size_bytes, 8);
  std::uint64_t state = id * 0x9e3779b97f4a7c15u + size;
  for (std::size_t i = head_bytes; i < size; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(bytes.data() + i, &state, 8);
  }
  bytes.resize(size);
  return bytes;
}

/// The id in bytes of head_bytes or more; 0 if they are not whole or not of this kind.
inline std::uint64_t id_of(std::string_view bytes) {
  std::uint64_t id = 0;
  if (bytes.size() < head_bytes) return 0;
  std::memcpy(&id, bytes.data() + 8, 8);
  return bytes == content(id, bytes.size()) ? id : 0;
}

/// 1 byte to `most`, small ones as likely as large ones.
inline std::size_t any_size(std::mt19937_64& random, std::size_t most) {
  std::size_t size = most;
  for (std::uint64_t halves = random() % 24; halves > 0 && size > 1; --halves) size /= 2;
  return 1 + random() % size;
}

}  // namespace sluice::system_test
