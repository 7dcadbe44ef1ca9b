// The small fixed first frame of every message. Between client and broker it is a `Header`; between
// the broker, its workers, the lock actor and the publisher a `Stamp` follows in the same frame, so
// that the broker need not parse a body to say whose request it is. All integers are big-endian, as
// in msgpack. Pure functions. Read on: docs/protocol.md, "Frames".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/errors.hpp"
#include "protocol/types.hpp"

namespace sluice::protocol {

/// Bytes on the wire: magic "SL" (2), version (1), reserved 0 (1), type (2), attempt (2),
/// credit_bytes (4), request_id (8).
struct Header {
  static constexpr std::size_t wire_bytes = 20;
  std::uint8_t version = 1;
  Type type{};
  /// How often the broker has given this request to a worker before; 0 from clients.
  std::uint16_t attempt = 0;
  /// The most payload bytes the sender is ready to take in the answer.
  std::uint32_t credit_bytes = 0;
  /// Chosen by the requester, unique in its session and growing; the answer repeats it.
  std::uint64_t request_id = 0;
};

/// What the server's rooms add behind the header: session (8), job (8), number (8).
struct Stamp {
  static constexpr std::size_t wire_bytes = 24;
  /// The session the request belongs to; 0: the server itself.
  std::uint64_t session = 0;
  /// The sender's own handle for the request; the answer repeats it.
  std::uint64_t job = 0;
  /// The version number given to a commit by the lock actor; otherwise 0.
  std::uint64_t number = 0;
};

std::array<char, Header::wire_bytes> encode_frame(const Header& header);
std::array<char, Header::wire_bytes + Stamp::wire_bytes> encode_frame(const Header& header,
                                                                      const Stamp& stamp);

/// Fails with `bad_message` unless the bytes are exactly one header with the right magic. Any
/// version and type is accepted here: the caller answers those it does not know.
Result<Header> decode_header(std::span<const char> frame);

struct StampedHeader {
  Header header;
  Stamp stamp;
};
Result<StampedHeader> decode_stamped(std::span<const char> frame);

}  // namespace sluice::protocol
