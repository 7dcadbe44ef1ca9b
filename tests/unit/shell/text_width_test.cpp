// Columns that text takes, and text cut and filled to columns, whatever the locale is.
#include "client/shell/text_width.hpp"

#include "tests/support/catch.hpp"

using namespace sluice::shell;

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
