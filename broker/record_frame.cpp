// Frames as bytes and back: see record_frame.hpp.
#include "broker/record_frame.hpp"

#include <xxhash.h>

namespace sluice::broker {
namespace {

constexpr std::size_t prefix_bytes = 4 + 8;
constexpr std::size_t numbers_bytes = 8 + 8;

void write_integer(char* to, std::uint64_t value, std::size_t size) {
  for (; size-- > 0; value >>= 8) to[size] = static_cast<char>(value);
}

}  // namespace

std::uint64_t finish_frame(std::string& out, std::size_t begin, std::uint64_t generation,
                           std::uint64_t sequence, std::uint64_t seed) {
  char* const frame = out.data() + begin;
  const std::size_t length = out.size() - begin - prefix_bytes;
  write_integer(frame, length, 4);
  write_integer(frame + prefix_bytes, generation, 8);
  write_integer(frame + prefix_bytes + 8, sequence, 8);
  const std::uint64_t checksum = XXH3_64bits_withSeed(frame + prefix_bytes, length, seed);
  write_integer(frame + 4, checksum, 8);
  return checksum;
}

std::optional<Frame> take_frame(std::string_view& bytes, std::optional<std::uint64_t> generation,
                                std::uint64_t seed) {
  std::string_view rest = bytes;
  if (rest.size() < frame_header_bytes) return std::nullopt;
  Frame frame;
  const std::size_t length = take_integer(rest, 4);
  frame.checksum = take_integer(rest, 8);
  if (length < numbers_bytes || length > rest.size()) return std::nullopt;
  frame.content = rest.substr(0, length);
  const std::string_view covered = frame.content;
  frame.generation = take_integer(frame.content, 8);
  frame.sequence = take_integer(frame.content, 8);
  // The generation first: old bytes are not worth a checksum.
  if (generation && frame.generation != *generation) return std::nullopt;
  if (XXH3_64bits_withSeed(covered.data(), covered.size(), seed) != frame.checksum)
    return std::nullopt;
  bytes = rest.substr(length);
  return frame;
}

}  // namespace sluice::broker
