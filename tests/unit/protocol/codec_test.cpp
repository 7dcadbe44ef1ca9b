// Corners of the codec that no single message shows: forms of integers and strings, defaults, maps
// within maps, amplification. The bytes of messages are in tests/golden.
#include "protocol/codec.hpp"

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

enum class Colour : std::uint8_t { none = 0, red = 1 };

struct Inner {
  std::string name;
  bool flag = false;
  bool operator==(const Inner&) const = default;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.must("name", s.name);
    v.may("flag", s.flag);
  }
};

struct Sample {
  std::uint64_t big = 0;
  std::uint8_t small = 0;
  std::int64_t time = 0;
  Colour colour{};
  std::optional<std::uint64_t> perhaps;
  std::vector<Inner> inners;
  Inner inner;
  std::string name;
  Binary bytes;
  template <class V, class S>
  static void fields(V& v, S& s) {
    v.may("big", s.big);
    v.may("small", s.small);
    v.may("time", s.time);
    v.may("colour", s.colour);
    v.may("perhaps", s.perhaps);
    v.may("inners", s.inners);
    v.may("inner", s.inner);
    v.may("name", s.name);
    v.may("bytes", s.bytes);
  }
};

std::string body(std::string_view key, std::string_view value) {
  std::string bytes = "\x81";
  bytes += static_cast<char>(0xa0 + key.size());
  bytes += key;
  bytes += value;
  return bytes;
}

std::string reason(const std::string& bytes) {
  const auto sample = decode<Sample>(bytes);
  return sample ? "accepted" : sample.error().detail;
}

TEST_CASE("defaults are left out") {
  CHECK(encode(Sample{}) == "\x80");
  Sample sample;
  sample.perhaps = 0;  // there, though 0
  CHECK(encode(sample) == body("perhaps", "\0"s));
  CHECK(decode<Sample>(encode(sample))->perhaps == std::uint64_t{0});
  CHECK_FALSE(decode<Sample>("\x80")->perhaps.has_value());
}

TEST_CASE("integers are written in their shortest form") {
  const std::pair<std::uint64_t, std::string> forms[] = {
      {1, "\x01"s},
      {127, "\x7f"s},
      {128, "\xcc\x80"s},
      {255, "\xcc\xff"s},
      {256, "\xcd\x01\x00"s},
      {65'535, "\xcd\xff\xff"s},
      {65'536, "\xce\x00\x01\x00\x00"s},
      {0xffffffff, "\xce\xff\xff\xff\xff"s},
      {0x100000000, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s},
      {UINT64_MAX, "\xcf"s + std::string(8, '\xff')}};
  for (const auto& [number, form] : forms) {
    INFO(number);
    Sample sample;
    sample.big = number;
    CHECK(encode(sample) == body("big", form));
    CHECK(decode<Sample>(body("big", form))->big == number);
  }
}

TEST_CASE("integers are read in any form that holds them") {
  for (const std::string& five :
       {"\x05"s, "\xcc\x05"s, "\xcd\0\x05"s, "\xce\0\0\0\x05"s, "\xcf\0\0\0\0\0\0\0\x05"s,
        "\xd0\x05"s, "\xd1\0\x05"s, "\xd2\0\0\0\x05"s, "\xd3\0\0\0\0\0\0\0\x05"s}) {
    CHECK(decode<Sample>(body("big", five))->big == 5);
    CHECK(decode<Sample>(body("small", five))->small == 5);
    CHECK(decode<Sample>(body("time", five))->time == 5);
  }
  for (const std::string& minus_two :
       {"\xfe"s, "\xd0\xfe"s, "\xd1\xff\xfe"s, "\xd2\xff\xff\xff\xfe"s}) {
    CHECK(decode<Sample>(body("time", minus_two))->time == -2);
    CHECK(reason(body("big", minus_two)) ==
          "key 'big' is not an unsigned integer up to 18446744073709551615");
    CHECK(reason(body("small", minus_two)) == "key 'small' is not an unsigned integer up to 255");
  }
}

TEST_CASE("times go from the first to the last that 64 bits hold") {
  for (const std::int64_t time : {INT64_MIN, std::int64_t{-1}, std::int64_t{1}, INT64_MAX}) {
    Sample sample;
    sample.time = time;
    CHECK(decode<Sample>(encode(sample))->time == time);
  }
  CHECK(reason(body("time", "\xcf\x80"s + std::string(7, '\0'))) ==
        "key 'time' is not an integer of 64 bits");
}

TEST_CASE("strings are read in any form, and str is not bin") {
  for (const std::string& form : {"\xa2hi"s, "\xd9\x02hi"s, "\xda\0\x02hi"s, "\xdb\0\0\0\x02hi"s}) {
    CHECK(decode<Sample>(body("name", form))->name == "hi");
    CHECK(reason(body("bytes", form)) == "key 'bytes' is not binary");
  }
  for (const std::string& form : {"\xc4\x02hi"s, "\xc5\0\x02hi"s, "\xc6\0\0\0\x02hi"s}) {
    CHECK(decode<Sample>(body("bytes", form))->bytes == "hi");
    CHECK(reason(body("name", form)) == "key 'name' is not a string");
  }
  // Keys too, and maps in their long forms.
  CHECK(decode<Sample>("\x81\xd9\x04name\xa2hi"s)->name == "hi");
  CHECK(decode<Sample>("\xde\0\x01\xa4name\xa2hi"s)->name == "hi");
  CHECK(decode<Sample>("\xdf\0\0\0\x01\xa4name\xa2hi"s)->name == "hi");
}

TEST_CASE("strings and binary of every length come back") {
  for (const std::size_t size : {0, 1, 31, 32, 255, 256, 65'535, 65'536, 500'000}) {
    Sample sample;
    sample.name = std::string(size, 'n');
    sample.bytes = Binary(std::string(size, '\0'));
    const auto back = decode<Sample>(encode(sample));
    REQUIRE(back.has_value());
    CHECK(back->name == sample.name);
    CHECK(back->bytes == sample.bytes);
  }
}

TEST_CASE("values of an enumeration that this version does not know are kept") {
  CHECK(decode<Sample>(body("colour", "\x07"))->colour == static_cast<Colour>(7));
  CHECK(reason(body("colour", "\xcd\x01\0"s)) != "accepted");
}

TEST_CASE("maps within maps have keys of their own") {
  Sample sample;
  sample.name = "outer";
  sample.inner = {"inner", true};
  sample.inners = {{"one", false}, {"two", true}, {"", false}};
  const auto back = decode<Sample>(encode(sample));
  REQUIRE(back.has_value());
  CHECK(back->name == "outer");
  CHECK(back->inner == sample.inner);
  CHECK(back->inners == sample.inners);
  CHECK(reason(body("inner", "\x80")) == "key 'name' is missing");
  CHECK(reason(body("inners", "\x92\x81\xa4name\xa1x\x80")) == "key 'name' is missing");
  CHECK(reason(body("inners", "\x91\x05")) == "key 'inners' is not a map");
}

TEST_CASE("the first problem is the one that is told") {
  CHECK(reason("\x82\xa3"
               "big\xc0\xa4name\xc0") ==
        "key 'big' is not an unsigned integer up to 18446744073709551615");
}

TEST_CASE("arrays and maps have limits") {
  const auto array_of = [](std::uint32_t size) {
    std::string value = "\xdd";
    for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(size >> shift);
    value.append(size, '\x05');
    return value;
  };
  CHECK(reason(body("later", array_of(65'536))) == "accepted");
  CHECK(reason(body("later", array_of(65'537))) == "the body is not msgpack within the limits");
  CHECK(reason(body("inners", array_of(65'536))) == "key 'inners' is not a map");

  const auto map_of = [](int size) {
    std::string bytes = "\xde\0"s;
    bytes += static_cast<char>(size);
    for (int i = 0; i < size; ++i) {
      bytes += "\xa1";
      bytes += static_cast<char>('0' + i);
      bytes += "\xc0";
    }
    return bytes;
  };
  CHECK(reason(map_of(64)) == "accepted");
  CHECK(reason(map_of(65)) == "the body is not msgpack within the limits");
}

TEST_CASE("nothing is no message") {
  CHECK(reason("") == "the body is not msgpack within the limits");
  CHECK(reason("\xc0") == "the body is not a map");
  CHECK(reason("\x80\x80") == "bytes follow the map");
  CHECK(reason(std::string(limits::body_bytes + 1, '\x80')) == "the body is longer than 1 MiB");
}

}  // namespace
}  // namespace sluice::protocol
