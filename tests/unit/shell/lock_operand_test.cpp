// What counts as a token, and what is told of one: in operands and in the history.
#include "client/shell/lock_operand.hpp"

#include "tests/support/catch.hpp"

using namespace sluice::shell;

TEST_CASE("a token is a number and sixteen digits") {
  CHECK(is_token("17-0123456789abcdef"));
  CHECK(is_token("18446744073709551615-0123456789abcdef"));
  for (const char* text :
       {"", "17", "-0123456789abcdef", "17-0123456789abcde", "17-0123456789ABCDEF",
        "17-0123456789abcdef0", "x-0123456789abcdef", "1-7-0123456789abcdef", "01-0123456789abcdef",
        "0-0123456789abcdef", "18446744073709551616-0123456789abcdef"})
    CHECK_FALSE(is_token(text));
  CHECK(number_of("17-0123456789abcdef") == 17);
  CHECK(number_of("17") == 0);
}

TEST_CASE("a line with a token in it is known") {
  CHECK(mentions_token("renew 17-0123456789abcdef"));
  CHECK(mentions_token("get a-b c; unlock '17-0123456789abcdef'"));
  CHECK_FALSE(mentions_token("get a-0123456789abcdef 17-01234"));
  CHECK_FALSE(mentions_token("unlock 17"));
}
