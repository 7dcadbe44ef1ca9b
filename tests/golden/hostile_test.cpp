// What a hostile or newer peer may send in place of each message's bytes: cut short, longer, of
// wrong types, with keys that are missing, unknown or twice, nested deeply, or asking for
// gigabytes. None may crash or be taken for something else.
#include "protocol/limits.hpp"
#include "tests/golden/body_parts.hpp"
#include "tests/golden/every_message.hpp"
#include "tests/support/catch.hpp"

namespace sluice::golden {
namespace {

using protocol::Code;
using namespace std::string_literals;

std::string refusal(const MessageKind& kind, std::string_view body) {
  const auto message = kind.recode(body);
  if (message) return "accepted";
  return message.error().code == Code::bad_message ? message.error().detail : "wrong code";
}

bool is_complaint(const std::string& text) {
  return text != "accepted" && text != "wrong code";
}

// One value of each type of msgpack.
const std::vector<Part>& samples() {
  static const std::vector<Part> values{{"nil", "\xc0"s},
                                        {"bool", "\xc3"s},
                                        {"integer", "\x05"s},
                                        {"negative", "\xfb"s},
                                        {"float", "\xcb\x3f\xf0\0\0\0\0\0\0"s},
                                        {"str", "\xa1x"s},
                                        {"bin", "\xc4\x01x"s},
                                        {"array", "\x91\x05"s},
                                        {"map", "\x81\xa1k\x05"s},
                                        {"ext", "\xd4\x01x"s}};
  return values;
}

std::string sample_of(const std::string& kind) {
  if (kind == "str" || kind == "bin" || kind == "bool" || kind == "map") return kind;
  if (kind == "digest") return "none, 16 bytes are wanted";
  return kind.starts_with("array") ? "array" : "integer";
}

std::string nested(int depth) {
  return std::string(depth, '\x91') + "\x05";
}

TEST_CASE("a body cut short anywhere is refused") {
  for (const MessageKind& kind : every_message()) {
    for (const std::string& body : {kind.least, kind.full}) {
      for (std::size_t size = 0; size < body.size(); ++size) {
        const std::string reason = refusal(kind, std::string_view(body).substr(0, size));
        if (!is_complaint(reason)) FAIL_CHECK(kind.name << " cut to " << size << ": " << reason);
      }
    }
  }
}

TEST_CASE("bytes after the map are refused") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    const std::string body = kind.full;
    CHECK(refusal(kind, body + "\xc0") == "bytes follow the map");
    CHECK(refusal(kind, body + body) == "bytes follow the map");
  }
}

TEST_CASE("a value of a wrong type is refused, and the key named") {
  for (const MessageKind& kind : every_message()) {
    const auto keys = kind.keys.fields;
    auto parts = take_apart(kind.full);
    REQUIRE(parts.size() == keys.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string good = parts[i].second;
      for (const auto& [type, value] : samples()) {
        const bool same =
            type == sample_of(keys[i].kind) || (type == "negative" && keys[i].kind == "int64");
        // An array or map of the right type on the outside still has something wrong within.
        if (same && type != "array" && type != "map") continue;
        if (keys[i].kind == "array of uint64" && type == "array") continue;
        INFO(kind.name << " " << keys[i].key << " as " << type);
        parts[i].second = value;
        const std::string reason = refusal(kind, put_together(parts));
        CHECK((type == "ext" ? is_complaint(reason) : reason.starts_with("key '")));
      }
      parts[i].second = good;
    }
  }
}

TEST_CASE("an integer too large for its field is refused, the largest is taken") {
  for (const MessageKind& kind : every_message()) {
    const auto keys = kind.keys.fields;
    auto parts = take_apart(kind.full);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string good = parts[i].second;
      const auto try_value = [&](const std::string& value) {
        parts[i].second = value;
        return refusal(kind, put_together(parts));
      };
      INFO(kind.name << " " << keys[i].key << " " << keys[i].kind);
      if (keys[i].kind == "uint8") {
        CHECK(try_value("\xcc\xff"s) == "accepted");
        CHECK(is_complaint(try_value("\xcd\x01\0"s)));
      } else if (keys[i].kind == "uint16") {
        CHECK(try_value("\xcd\xff\xff"s) == "accepted");
        CHECK(is_complaint(try_value("\xce\0\x01\0\0"s)));
      } else if (keys[i].kind == "uint32") {
        CHECK(try_value("\xce\xff\xff\xff\xff"s) == "accepted");
        CHECK(is_complaint(try_value("\xcf\0\0\0\x01\0\0\0\0"s)));
      } else if (keys[i].kind == "uint64") {
        CHECK(try_value("\xcf"s + std::string(8, '\xff')) == "accepted");
      } else if (keys[i].kind == "int64") {
        CHECK(try_value("\xcf\x7f"s + std::string(7, '\xff')) == "accepted");
        CHECK(is_complaint(try_value("\xcf\x80"s + std::string(7, '\0'))));
      } else if (keys[i].kind == "digest") {
        CHECK(is_complaint(try_value("\xc4\x0f"s + std::string(15, 'x'))));
        CHECK(is_complaint(try_value("\xc4\x11"s + std::string(17, 'x'))));
      }
      parts[i].second = good;
    }
  }
}

TEST_CASE("a key that must be there and is not is named; one that may is not missed") {
  for (const MessageKind& kind : every_message()) {
    const auto keys = kind.keys.fields;
    const auto parts = take_apart(kind.full);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      INFO(kind.name << " without " << keys[i].key);
      auto fewer = parts;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
      const std::string body = put_together(fewer);
      const std::string wanted = keys[i].must ? "key '" + keys[i].key + "' is missing" : "accepted";
      CHECK(refusal(kind, body) == wanted);
      if (!keys[i].must) CHECK(kind.recode(body) == body);
    }
  }
}

TEST_CASE("unknown keys are ignored, whatever they hold") {
  for (const MessageKind& kind : every_message()) {
    const auto parts = take_apart(kind.full);
    for (const auto& [type, value] : samples()) {
      if (type == "ext") continue;  // refused everywhere, see below
      INFO(kind.name << " " << type);
      auto more = parts;
      more.insert(more.begin(), {"from_a_newer_version", value});
      more.emplace_back("x", value);
      const auto message = kind.recode(put_together(more));
      REQUIRE(message.has_value());
      CHECK(*message == kind.full);
    }
    auto odd = put_together(parts);
    odd[0] = static_cast<char>(odd[0] + 1);
    if (parts.size() < 15)
      CHECK(refusal(kind, odd + "\x07\x08") == "accepted");  // a key that is no string
  }
}

TEST_CASE("keys in any order are taken; of one that comes twice the first counts") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    auto parts = take_apart(kind.full);
    const std::vector<Part> backwards(parts.rbegin(), parts.rend());
    const auto turned = kind.recode(put_together(backwards));
    REQUIRE(turned.has_value());
    CHECK(*turned == kind.full);
    if (parts.empty()) continue;
    parts.emplace_back(parts.front().first, "\xc0");
    CHECK(kind.recode(put_together(parts)) == kind.full);
    std::swap(parts.front(), parts.back());
    CHECK(is_complaint(refusal(kind, put_together(parts))));
  }
}

TEST_CASE("a body over the limit is refused, one at the limit is taken") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    auto parts = take_apart(kind.least);
    const std::size_t used = put_together(parts).size() + packed("fill").size() + 5;
    const auto with_fill = [&](std::size_t size) {
      auto more = parts;
      std::string value = "\xc6"s;
      for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(size >> shift);
      more.emplace_back("fill", value + std::string(size, 'x'));
      return put_together(more);
    };
    const std::string largest = with_fill(protocol::limits::body_bytes - used);
    REQUIRE(largest.size() == protocol::limits::body_bytes);
    CHECK(refusal(kind, largest) == "accepted");
    CHECK(refusal(kind, with_fill(protocol::limits::body_bytes - used + 1)) ==
          "the body is longer than 1 MiB");
  }
}

TEST_CASE("five bytes that ask for gigabytes are refused at once") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    for (const std::string& head :
         {"\xdd\xff\xff\xff\xff"s, "\xdf\xff\xff\xff\xff"s, "\xc6\xff\xff\xff\xff"s,
          "\xdb\xff\xff\xff\xff"s, "\xc9\xff\xff\xff\xff\x01"s}) {
      CHECK(is_complaint(refusal(kind, head)));
      auto parts = take_apart(kind.least);
      parts.emplace_back("later", head);
      CHECK(is_complaint(refusal(kind, put_together(parts))));
    }
  }
}

TEST_CASE("nesting has a limit, and extension types are refused even under unknown keys") {
  for (const MessageKind& kind : every_message()) {
    INFO(kind.name);
    auto parts = take_apart(kind.least);
    parts.emplace_back("later", nested(7));
    CHECK(refusal(kind, put_together(parts)) == "accepted");
    parts.back().second = nested(8);
    CHECK(is_complaint(refusal(kind, put_together(parts))));
    parts.back().second = nested(500'000);
    CHECK(is_complaint(refusal(kind, put_together(parts))));
    parts.back().second = "\xd4\x01x";
    CHECK(is_complaint(refusal(kind, put_together(parts))));
  }
}

TEST_CASE("what is no map is no message") {
  for (const MessageKind& kind : every_message()) {
    for (const auto& [type, value] : samples()) {
      INFO(kind.name << " " << type);
      if (type == "map") continue;
      CHECK(is_complaint(refusal(kind, value)));
    }
    CHECK(is_complaint(refusal(kind, "\xc1")));
  }
}

}  // namespace
}  // namespace sluice::golden
