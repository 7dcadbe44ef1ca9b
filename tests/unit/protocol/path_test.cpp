// The rules for paths: what is accepted, what is refused and why, and the limits at their edges.
#include "protocol/path.hpp"

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

using namespace std::string_literals;

std::string why_bad(std::string_view path) {
  const auto ok = check_path(path);
  if (ok) return "";
  CHECK(ok.error().code == Code::bad_path);
  return ok.error().detail;
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST_CASE("ordinary paths are accepted") {
  for (const std::string& path :
       {""s,       "a"s,         "a/b/c"s,    "a.b"s,     "..."s,    ".a"s,   "a.."s,
        "..a/b."s, " "s,         "a b"s,      "-rf"s,     "~"s,      "a\\b"s, "C:"s,
        "a\nb"s,   "a/.sluice"s, ".sluice2"s, ".Sluice"s, "sluice"s, "*?"s}) {
    INFO(path);
    CHECK(why_bad(path) == "");
  }
}

TEST_CASE("paths that leave the root or have odd parts are refused") {
  CHECK(why_bad("/") == "it is absolute");
  CHECK(why_bad("/etc/passwd") == "it is absolute");
  CHECK(why_bad("//a") == "it is absolute");
  for (const char* path : {".", "..", "../x", "a/..", "a/../b", "./a", "a/.", "a/./b"}) {
    INFO(path);
    CHECK(why_bad(path) == "it has a part '.' or '..'");
  }
  for (const char* path : {"a/", "a//b", "a/b/", "a//"}) {
    INFO(path);
    CHECK(why_bad(path) == "it starts or ends with '/' or has an empty part");
  }
}

TEST_CASE("a NUL byte is refused wherever it stands") {
  CHECK(why_bad("\0"s) == "it has a NUL byte");
  CHECK(why_bad("a\0"s) == "it has a NUL byte");
  CHECK(why_bad("a/\0b/c"s) == "it has a NUL byte");
}

TEST_CASE("the server's own directory cannot be named") {
  CHECK(why_bad(".sluice") == "'.sluice' belongs to the server");
  CHECK(why_bad(".sluice/log/1") == "'.sluice' belongs to the server");
  CHECK(why_bad(".sluice/../a") == "'.sluice' belongs to the server");
  CHECK(why_bad("./.sluice") == "it has a part '.' or '..'");
}

TEST_CASE("UTF-8 is checked to the letter") {
  const std::string good[] = {
      "\x7f",         "\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
      "\xed\x9f\xbf", "\xee\x80\x80",     "\xef\xbf\xbf",     "\xef\xbb\xbf",
      "K\xc3\xa4se",  "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf0\x9f\x94\x92"};
  for (const std::string& name : good) {
    INFO(name);
    CHECK(why_bad(name) == "");
    CHECK(why_bad("a/" + name + "/b") == "");
  }
  const std::string bad[] = {"\x80",
                             "\xbf",
                             "\xff",
                             "\xfe",
                             "\xc0\x80",
                             "\xc0\xae",
                             "\xc1\xbf",  // overlong, two bytes
                             "\xe0\x80\x80",
                             "\xe0\x9f\xbf",
                             "\xe0\x80\xaf",  // overlong, three
                             "\xf0\x80\x80\x80",
                             "\xf0\x8f\xbf\xbf",  // overlong, four
                             "\xed\xa0\x80",
                             "\xed\xbf\xbf",
                             "\xed\xa0\xbd\xed\xb2\xa9",  // surrogates
                             "\xf4\x90\x80\x80",
                             "\xf5\x80\x80\x80",
                             "\xf8\x88\x80\x80\x80",  // beyond U+10FFFF
                             "\xc3",
                             "\xe2\x82",
                             "\xf0\x9f\x94",  // cut short
                             "\xc3(",
                             "\xe2(\x82",
                             "\xe2\x82(",
                             "\xf0\x9f\x94(",
                             "\xe9t\xe9"};  // Latin-1
  for (const std::string& name : bad) {
    INFO(name);
    CHECK(why_bad(name) == "it is not valid UTF-8");
    CHECK(why_bad("a" + name) == "it is not valid UTF-8");
    CHECK(why_bad("a/" + name + "/b") == "it is not valid UTF-8");
  }
}

TEST_CASE("names, paths and depth are bounded, the bound itself is allowed") {
  const std::string name(limits::name_bytes, 'n');
  CHECK(why_bad("a/" + name) == "");
  CHECK(why_bad("a/" + name + "n/b") == "a name in it is longer than 255 bytes");

  std::string path = repeated(name + "/", 15);
  path += std::string(limits::path_bytes - path.size(), 'x');
  REQUIRE(path.size() == limits::path_bytes);
  CHECK(why_bad(path) == "");
  CHECK(why_bad(path + "x") == "it is longer than 4000 bytes");
  CHECK(why_bad(std::string(10'000'000, 'x')) == "it is longer than 4000 bytes");

  const std::string deep = repeated("d/", limits::path_depth - 1) + "d";
  CHECK(why_bad(deep) == "");
  CHECK(why_bad(deep + "/d") == "it is deeper than 128 directories");
}

TEST_CASE("the root is a path, but not one that can be changed") {
  CHECK(check_path("").has_value());
  REQUIRE_FALSE(check_entry_path("").has_value());
  CHECK(check_entry_path("").error().code == Code::bad_path);
  CHECK(check_entry_path("a").has_value());
  CHECK_FALSE(check_entry_path("../a").has_value());
}

TEST_CASE("errors show the path printable and short") {
  CHECK(check_path("/a\x1b[31m\n\xff\x7f").error().path == "/a\\x1b[31m\\x0a\\xff\\x7f");
  CHECK(check_path("/K\xc3\xa4se").error().path == "/K\xc3\xa4se");
  const std::string fits = "/" + std::string(79, 'x');
  CHECK(check_path(fits).error().path == fits);
  CHECK(check_path(fits + "x").error().path == fits + "...");
  CHECK(check_path("/" + std::string(1'000'000, '\xff')).error().path.size() < 100);
}

TEST_CASE("paths come apart and together") {
  CHECK(parent_of("a/b/c") == "a/b");
  CHECK(parent_of("a") == "");
  CHECK(parent_of("") == "");
  CHECK(name_of("a/b/c") == "c");
  CHECK(name_of("a") == "a");
  CHECK(name_of("") == "");
  CHECK(join("a/b", "c") == "a/b/c");
  CHECK(join("", "c") == "c");
}

TEST_CASE("within is by whole names") {
  CHECK(is_within("a/b", "a"));
  CHECK(is_within("a", "a"));
  CHECK(is_within("a", ""));
  CHECK(is_within("", ""));
  CHECK_FALSE(is_within("ab", "a"));
  CHECK_FALSE(is_within("a", "a/b"));
  CHECK_FALSE(is_within("", "a"));
}

}  // namespace
}  // namespace sluice::protocol
