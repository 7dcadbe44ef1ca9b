// The frame decoder: what is taken must be what the encoder writes, the reserved byte aside.
#include "protocol/frame.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace sluice;
using protocol::Header;
using protocol::Stamp;

namespace {

template <std::size_t N>
bool same_but_reserved(const std::array<char, N>& encoded, std::string_view frame) {
  std::string expected(frame);
  expected[3] = 0;
  return std::string_view(encoded.data(), encoded.size()) == expected;
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  Header header;
  header.type = protocol::Type::put;
  header.request_id = 0x0102030405060708;
  const auto plain = protocol::encode_frame(header);
  const auto stamped = protocol::encode_frame(header, Stamp{1, 2, 3});
  return {std::string(plain.data(), plain.size()), std::string(stamped.data(), stamped.size()), ""};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view frame = fuzz::text_of(data, size);
  const bool magic = frame.starts_with("SL");
  const auto header = protocol::decode_header(frame);
  fuzz::require(header.has_value() == (magic && size == 20),
                "20 bytes with the magic are a header");
  if (header)
    fuzz::require(same_but_reserved(protocol::encode_frame(*header), frame), "header comes back");
  else
    fuzz::require(header.error().code == protocol::Code::bad_message, "refused as bad_message");
  const auto both = protocol::decode_stamped(frame);
  fuzz::require(both.has_value() == (magic && size == 44), "44 bytes with the magic are stamped");
  if (both)
    fuzz::require(same_but_reserved(protocol::encode_frame(both->header, both->stamp), frame),
                  "stamp comes back");
  return 0;
}
