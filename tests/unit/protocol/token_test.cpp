// Tokens: NUMBER-SECRET, one text for one token.
#include "protocol/token.hpp"

#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

TEST_CASE("a token and its text are the same thing") {
  for (const std::uint64_t number : {0ull, 1ull, 17ull, 18446744073709551615ull}) {
    const Token token{number, Secret("0123456789abcdef")};
    const auto parsed = parse_token(to_string(token));
    REQUIRE(parsed.has_value());
    CHECK(*parsed == token);
  }
  CHECK(to_string(Token{17, Secret("00ff00ff00ff00ff")}) == "17-00ff00ff00ff00ff");
}

TEST_CASE("every other text is no token") {
  const std::string secret = "0123456789abcdef";
  for (const std::string& text : {std::string(),
                                  std::string("-"),
                                  std::string("17"),
                                  std::string("17-"),
                                  "-" + secret,
                                  "--" + secret,
                                  "-1-" + secret,
                                  "+1-" + secret,
                                  " 1-" + secret,
                                  "1 -" + secret,
                                  "01-" + secret,
                                  "00-" + secret,
                                  "0x1-" + secret,
                                  "1-" + secret + " ",
                                  "1-" + secret + "0",
                                  "1-" + secret.substr(1),
                                  "1--" + secret.substr(1),
                                  std::string("1-0123456789ABCDEF"),
                                  std::string("1-0123456789abcdeg"),
                                  "18446744073709551616-" + secret,
                                  "1e3-" + secret,
                                  std::string("1\0-", 3) + secret,
                                  std::string("1-0123456789abcde\0", 18)}) {
    INFO(text);
    CHECK_FALSE(parse_token(text).has_value());
  }
}

}  // namespace
}  // namespace sluice::protocol
