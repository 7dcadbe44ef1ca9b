// The bytes of every message as they are kept in messages.golden: encoding must give them, and
// decoding must take them. A change here is a change of the protocol. SLUICE_ACCEPT_GOLDEN=1 writes
// the file anew.
#include <set>

#include "protocol/frame.hpp"
#include "tests/golden/body_parts.hpp"
#include "tests/golden/every_message.hpp"
#include "tests/golden/golden_file.hpp"
#include "tests/support/catch.hpp"

namespace sluice::golden {
namespace {

using protocol::Header;
using protocol::Stamp;
using protocol::Type;

constexpr std::string_view golden_name = "tests/golden/messages.golden";

Header example_header() {
  Header header;
  header.type = Type::get;
  header.attempt = 0x0102;
  header.credit_bytes = 0x03040506;
  header.request_id = 0x1112131415161718;
  return header;
}

constexpr Stamp example_stamp{0x2122232425262728, 0x3132333435363738, 0x4142434445464748};

template <std::size_t N>
std::string text_of(const std::array<char, N>& bytes) {
  return {bytes.data(), bytes.size()};
}

std::string format_frames() {
  const std::string bytes = text_of(encode_frame(example_header(), example_stamp));
  const std::vector<std::pair<std::string, std::string>> header{
      {bytes.substr(0, 2), "magic 'SL'"}, {bytes.substr(2, 1), "version"},
      {bytes.substr(3, 1), "reserved"},   {bytes.substr(4, 2), "type"},
      {bytes.substr(6, 2), "attempt"},    {bytes.substr(8, 4), "credit_bytes"},
      {bytes.substr(12, 8), "request_id"}};
  auto stamped = header;
  stamped.emplace_back(bytes.substr(20, 8), "session");
  stamped.emplace_back(bytes.substr(28, 8), "job");
  stamped.emplace_back(bytes.substr(36, 8), "number");
  return format_groups("frame header", header) + format_groups("frame stamped", stamped);
}

std::string format_all() {
  std::string text =
      "# The bytes of every message of the protocol: 'full' has every field set, 'least' only "
      "those that\n"
      "# must be there. Written by the golden tests with SLUICE_ACCEPT_GOLDEN=1; do not edit by "
      "hand.\n\n";
  text += format_frames();
  for (const MessageKind& kind : every_message()) {
    text += format_body(kind.name + " full", kind.full);
    text += format_body(kind.name + " least", kind.least);
  }
  return text;
}

const Sections& golden() {
  static const Sections sections = [] {
    if (accepting()) write_text(source_path(golden_name), format_all());
    return parse_golden(read_text(source_path(golden_name)));
  }();
  return sections;
}

TEST_CASE("the golden file is what the encoder gives, remarks included") {
  golden();
  CHECK(read_text(source_path(golden_name)) == format_all());
}

TEST_CASE("every message encodes to its golden bytes and back") {
  for (const MessageKind& kind : every_message()) {
    for (const std::string which : {"full", "least"}) {
      INFO(kind.name << " " << which);
      const auto found = golden().find(kind.name + " " + which);
      REQUIRE(found != golden().end());
      const std::string& bytes = found->second;
      CHECK(protocol::to_hex(which == "full" ? kind.full : kind.least) == protocol::to_hex(bytes));
      const auto again = kind.recode(bytes);
      REQUIRE(again.has_value());
      CHECK(protocol::to_hex(*again) == protocol::to_hex(bytes));
    }
  }
}

TEST_CASE("'full' has every key of its message and 'least' only those that must be there") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    std::set<std::string> all, must;
    for (const Field& field : kind.keys.fields) {
      CHECK(all.insert(field.key).second);
      if (field.must) must.insert(field.key);
    }
    const auto keys_of = [](const std::string& body) {
      std::set<std::string> keys;
      for (const auto& [key, value] : take_apart(body)) CHECK(keys.insert(key).second);
      return keys;
    };
    CHECK(keys_of(golden().at(kind.name + " full")) == all);
    CHECK(keys_of(golden().at(kind.name + " least")) == must);
  }
}

TEST_CASE("the list of messages is that of types.hpp") {
  std::set<Type> listed;
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    CHECK(listed.insert(kind.type).second);
  }
  for (unsigned number = 0; number <= 0xffff; ++number) {
    const auto type = static_cast<Type>(number);
    if ((protocol::name(type) != "unknown") != listed.contains(type))
      FAIL_CHECK("type " << number << " '" << protocol::name(type)
                         << "' is not both in types.hpp and in every_message.cpp");
  }
  CHECK(golden().size() == 2 * every_message().size() + 2);
}

TEST_CASE("frames encode to their golden bytes and back") {
  const std::string& header = golden().at("frame header");
  CHECK(text_of(encode_frame(example_header())) == header);
  const auto decoded = protocol::decode_header(header);
  REQUIRE(decoded.has_value());
  CHECK(text_of(encode_frame(*decoded)) == header);

  const std::string& stamped = golden().at("frame stamped");
  CHECK(text_of(encode_frame(example_header(), example_stamp)) == stamped);
  const auto both = protocol::decode_stamped(stamped);
  REQUIRE(both.has_value());
  CHECK(text_of(encode_frame(both->header, both->stamp)) == stamped);
}

}  // namespace
}  // namespace sluice::golden
