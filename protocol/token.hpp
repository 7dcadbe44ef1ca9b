// Lock tokens: NUMBER-SECRET. The number grows with every grant and orders holders; the secret is
// what makes the token a capability. Lists show the number only. Pure functions.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::protocol {

struct Token {
  std::uint64_t number = 0;
  /// 16 lower-case hex digits.
  std::string secret;
  bool operator==(const Token&) const = default;
};

inline std::string to_string(const Token& token) {
  return std::to_string(token.number) + "-" + token.secret;
}

/// Nothing unless the text has exactly the form that `to_string` gives.
inline std::optional<Token> parse_token(std::string_view text) {
  Token token;
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || dash == 0 || text.size() - dash - 1 != 16)
    return std::nullopt;
  if (dash > 1 && text.front() == '0') return std::nullopt;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + dash, token.number);
  if (problem != std::errc{} || end != text.data() + dash) return std::nullopt;
  token.secret = text.substr(dash + 1);
  if (token.secret.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return token;
}

}  // namespace sluice::protocol
