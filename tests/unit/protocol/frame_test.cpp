// The first frame, byte by byte, and what is refused. The golden bytes are in tests/golden.
#include "protocol/frame.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

TEST_CASE("every field of the header stands at its place, big-endian") {
  Header header;
  header.version = 0x7f;
  header.type = static_cast<Type>(0x0a0b);
  header.attempt = 0xfffe;
  header.credit_bytes = 0x80000001;
  header.request_id = 0xfedcba9876543210;
  const auto frame = encode_frame(header);
  const std::string expected(
      "SL\x7f\x00\x0a\x0b\xff\xfe\x80\x00\x00\x01\xfe\xdc\xba\x98\x76\x54\x32\x10", 20);
  CHECK(std::string(frame.data(), frame.size()) == expected);

  const auto back = decode_header(frame);
  REQUIRE(back.has_value());
  CHECK(back->version == header.version);
  CHECK(back->type == header.type);
  CHECK(back->attempt == header.attempt);
  CHECK(back->credit_bytes == header.credit_bytes);
  CHECK(back->request_id == header.request_id);
}

TEST_CASE("the stamp follows the header in the same frame") {
  Header header;
  header.type = Type::commit;
  const Stamp stamp{0xffffffffffffffff, 1, 0x8000000000000000};
  const auto frame = encode_frame(header, stamp);
  const auto plain = encode_frame(header);
  CHECK(std::equal(plain.begin(), plain.end(), frame.begin()));
  const auto back = decode_stamped(frame);
  REQUIRE(back.has_value());
  CHECK(back->header.type == Type::commit);
  CHECK(back->stamp.session == stamp.session);
  CHECK(back->stamp.job == stamp.job);
  CHECK(back->stamp.number == stamp.number);
}

TEST_CASE("frames of any other length are refused") {
  const std::string bytes(100, 'S');
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string frame = bytes.substr(0, size);
    if (size > 1) frame[1] = 'L';
    CHECK(decode_header(frame).has_value() == (size == Header::wire_bytes));
    CHECK(decode_stamped(frame).has_value() == (size == Header::wire_bytes + Stamp::wire_bytes));
    if (size != Header::wire_bytes) CHECK(decode_header(frame).error().code == Code::bad_message);
  }
}

TEST_CASE("a wrong magic is refused, an unknown version or type is not") {
  auto frame = encode_frame(Header{});
  for (const std::size_t at : {0, 1}) {
    auto bad = frame;
    bad[at] = 'x';
    REQUIRE_FALSE(decode_header(bad).has_value());
    CHECK(decode_header(bad).error().code == Code::bad_message);
    auto stamped = encode_frame(Header{}, Stamp{});
    stamped[at] = 'x';
    CHECK_FALSE(decode_stamped(stamped).has_value());
  }
  frame[2] = '\xff';
  frame[4] = frame[5] = '\xee';
  const auto header = decode_header(frame);
  REQUIRE(header.has_value());
  CHECK(header->version == 255);
  CHECK(static_cast<unsigned>(header->type) == 0xeeee);
}

TEST_CASE("the reserved byte is sent as 0 and not looked at") {
  auto frame = encode_frame(Header{});
  CHECK(frame[3] == 0);
  frame[3] = 42;
  CHECK(decode_header(frame).has_value());
}

TEST_CASE("types have names, replies are one more than their requests") {
  CHECK(name(Type::acquire_lock) == "acquire_lock");
  CHECK(name(static_cast<Type>(0)) == "unknown");
  CHECK(name(static_cast<Type>(0xffff)) == "unknown");
  CHECK(reply_to(Type::hello) == Type::welcome);
  CHECK(reply_to(Type::publish) == Type::published);
  for (unsigned number = 0; number <= 0xffff; ++number) {
    const std::string text(name(static_cast<Type>(number)));
    if (!text.ends_with("_reply")) continue;
    INFO(text);
    CHECK(name(static_cast<Type>(number - 1)) == text.substr(0, text.size() - 6));
  }
}

}  // namespace
}  // namespace sluice::protocol
