// Columns that text takes, and text cut and filled to columns, whatever the locale is.
#include "client/shell/text_width.hpp"

#include "tests/support/catch.hpp"

using namespace sluice::shell;

TEST_CASE("the length of a character, none for what is not UTF-8") {
  for (const std::string_view one : {"a", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"})
    CHECK(utf8_length(one, 0) == one.size());
  CHECK(utf8_length(std::string_view("\0", 1), 0) == 1);
  CHECK(utf8_length("a\xc3\xa9", 1) == 2);
  // Cut, overlong, a surrogate, beyond Unicode, a byte of the middle.
  for (const std::string_view none :
       {"\xc3", "\xe2\x82", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
    CHECK(utf8_length(none, 0) == 0);
}

TEST_CASE("width is counted in columns") {
  CHECK(text_width("") == 0);
  CHECK(text_width("plain") == 5);
  CHECK(text_width("gr\xc3\xbc\xc3\x9f") == 4);
  CHECK(text_width("\xe6\x97\xa5\xe6\x9c\xac") == 4);
  // e with a combining acute.
  CHECK(text_width("e\xcc\x81") == 1);
  CHECK(text_width("\xf0\x9f\xa6\x80") == 2);
}

TEST_CASE("a byte that is no character takes one column") {
  CHECK(text_width("a\xff"
                   "b") == 3);
  CHECK(text_width("\xe6\x97") == 2);
}

TEST_CASE("text is filled up, or cut at its beginning") {
  CHECK(fitted("abc", 5) == "abc  ");
  CHECK(fitted("abc", 3) == "abc");
  CHECK(fitted("results/today", 9) == "..s/today");
  CHECK(fitted("results/today", 8) == "../today");
  CHECK(fitted("abcdef", 2) == "..");
  CHECK(fitted("abcdef", 1) == ".");
  CHECK(fitted("abcdef", 0).empty());
  // A wide character is not cut into halves.
  CHECK(fitted("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5) == "..\xe8\xaa\x9e ");
  CHECK(fitted("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4) == "..\xe8\xaa\x9e");
}
