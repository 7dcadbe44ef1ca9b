// How a record lies in a file that is only ever written at its end: {length u32, checksum u64,
// generation u64, sequence u64, content}, integers big-endian; length counts what follows the
// checksum, and the checksum (XXH3-64) covers the same. Used by the commit log (one record a frame)
// and by the lock journal (one write a frame). Pure functions; the only place of the broker that
// includes xxhash. Read on: publisher/commit_log.hpp, locks/lock_journal.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::broker {

/// Appends the lowest `size` (8 at most) bytes of `value`.
inline void put_integer(std::string& out, std::uint64_t value, std::size_t size) {
  std::array<char, 8> bytes;
  for (std::size_t i = 8; i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value);
  out.append(bytes.data() + (8 - size), size);
}

/// Takes `size` bytes, which must be there.
inline std::uint64_t take_integer(std::string_view& bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(size);
  return value;
}

struct Frame {
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
  std::uint64_t checksum = 0;
  /// Points into what was read.
  std::string_view content;
};

/// Bytes in front of the content.
inline constexpr std::size_t frame_header_bytes = 4 + 8 + 8 + 8;

/// Fills in the header of the frame that goes from `begin` to the end of `out`, whose first
/// `frame_header_bytes` are room for it. Gives the checksum. With the checksum of the frame before
/// as `seed` a frame counts behind that one alone.
std::uint64_t finish_frame(std::string& out, std::size_t begin, std::uint64_t generation,
                           std::uint64_t sequence, std::uint64_t seed = 0);

/// Takes the frame that `bytes` begin with, of that generation if one is given. Takes any bytes:
/// nothing, and `bytes` as they were, unless it checks out.
std::optional<Frame> take_frame(std::string_view& bytes, std::optional<std::uint64_t> generation,
                                std::uint64_t seed = 0);

}  // namespace sluice::broker
