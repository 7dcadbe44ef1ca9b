// Encoding and decoding of the first frame.
#include "protocol/frame.hpp"

#include <algorithm>

namespace sluice::protocol {
namespace {

template <class T>
char* store(char* at, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
    *at++ = static_cast<char>(static_cast<std::uint64_t>(value) >> shift);
  return at;
}

template <class T>
const char* load(const char* at, T& value) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) bits = bits << 8 | static_cast<unsigned char>(*at++);
  value = static_cast<T>(bits);
  return at;
}

char* store(char* at, const Header& header) {
  *at++ = 'S';
  *at++ = 'L';
  at = store(at, header.version);
  at = store(at, std::uint8_t{0});
  at = store(at, static_cast<std::uint16_t>(header.type));
  at = store(at, header.attempt);
  at = store(at, header.credit_bytes);
  return store(at, header.request_id);
}

Result<const char*> load(const char* at, Header& header) {
  if (at[0] != 'S' || at[1] != 'L') return fail(Code::bad_message, {}, "wrong magic in the header");
  std::uint8_t reserved = 0;
  std::uint16_t type = 0;
  at = load(at + 2, header.version);
  at = load(at, reserved);
  at = load(at, type);
  header.type = static_cast<Type>(type);
  at = load(at, header.attempt);
  at = load(at, header.credit_bytes);
  return load(at, header.request_id);
}

}  // namespace

std::array<char, Header::wire_bytes> encode_frame(const Header& header) {
  std::array<char, Header::wire_bytes> frame;
  store(frame.data(), header);
  return frame;
}

std::array<char, Header::wire_bytes + Stamp::wire_bytes> encode_frame(const Header& header,
                                                                      const Stamp& stamp) {
  std::array<char, Header::wire_bytes + Stamp::wire_bytes> frame;
  char* at = store(frame.data(), header);
  at = store(at, stamp.session);
  at = store(at, stamp.job);
  store(at, stamp.number);
  return frame;
}

Result<Header> decode_header(std::span<const char> frame) {
  if (frame.size() != Header::wire_bytes) return fail(Code::bad_message, {}, "wrong header length");
  Header header;
  if (auto end = load(frame.data(), header); !end) return tl::make_unexpected(end.error());
  return header;
}

Result<StampedHeader> decode_stamped(std::span<const char> frame) {
  if (frame.size() != Header::wire_bytes + Stamp::wire_bytes)
    return fail(Code::bad_message, {}, "wrong header length");
  StampedHeader both;
  auto at = load(frame.data(), both.header);
  if (!at) return tl::make_unexpected(at.error());
  const char* next = load(*at, both.stamp.session);
  next = load(next, both.stamp.job);
  load(next, both.stamp.number);
  return both;
}

}  // namespace sluice::protocol
