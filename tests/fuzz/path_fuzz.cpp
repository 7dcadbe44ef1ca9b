// The path rules, against a second statement of them that is as plain as can be.
#include "protocol/limits.hpp"
#include "protocol/path.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace sluice;

namespace {

// Decodes to code points and looks at those, where path.cpp looks at bytes.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    std::size_t more = 0;
    std::uint32_t point = byte(i);
    if (point >= 0xf8) return false;
    if (point >= 0xf0)
      more = 3, point &= 0x07;
    else if (point >= 0xe0)
      more = 2, point &= 0x0f;
    else if (point >= 0xc0)
      more = 1, point &= 0x1f;
    else if (point >= 0x80)
      return false;
    if (i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if (byte(i + k) >> 6 != 2) return false;
      point = point << 6 | (byte(i + k) & 0x3f);
    }
    constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      return false;
    i += more + 1;
  }
  return true;
}

bool is_good(std::string_view path) {
  if (path.empty()) return true;
  if (path.size() > protocol::limits::path_bytes || !is_utf8(path)) return false;
  if (path.find('\0') != std::string_view::npos) return false;
  std::vector<std::string> names{""};
  for (const char c : path) {
    if (c == '/')
      names.emplace_back();
    else
      names.back() += c;
  }
  if (names.size() > protocol::limits::path_depth || names.front() == ".sluice") return false;
  for (const std::string& name : names)
    if (name.empty() || name == "." || name == ".." || name.size() > protocol::limits::name_bytes)
      return false;
  return true;
}

}  // namespace

std::vector<std::string> fuzz::seeds() {
  std::string deep;
  for (int i = 0; i < 127; ++i) deep += "d/";
  const std::string name(255, 'n');
  return {"",
          "a",
          "a/b/c",
          "../x",
          "/etc/passwd",
          "a/./b",
          "a//b",
          ".sluice",
          "a/..",
          ".sluice/log",
          "K\xc3\xa4se/\xf0\x9f\x94\x92",
          "\xc0\xae\xc0\xae/x",
          "\xed\xa0\x80",
          name,
          name + "/" + name,
          deep + "d",
          std::string("a\0b", 3)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view path = fuzz::text_of(data, size);
  const auto ok = protocol::check_path(path);
  fuzz::require(ok.has_value() == is_good(path), "both statements of the rules agree");
  fuzz::require(protocol::check_entry_path(path).has_value() == (ok.has_value() && !path.empty()),
                "an entry is a path that is not the root");
  if (!ok) {
    fuzz::require(ok.error().code == protocol::Code::bad_path, "refused as bad_path");
    fuzz::require(ok.error().path.size() <= 100 && is_utf8(ok.error().path),
                  "shown short, in UTF-8");
    for (const char c : ok.error().path)
      fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "shown printable");
    return 0;
  }
  const auto parent = protocol::parent_of(path);
  fuzz::require(protocol::join(parent, protocol::name_of(path)) == path,
                "parent and name make the path");
  fuzz::require(protocol::check_path(parent).has_value(), "the parent is a path too");
  fuzz::require(protocol::is_within(path, parent) && protocol::is_within(path, path),
                "within its parent");
  fuzz::require(path.empty() || !protocol::is_within(parent, path), "not the other way round");
  return 0;
}
