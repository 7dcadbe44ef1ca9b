// Lock tokens: NUMBER-SECRET. The number grows with every grant and orders holders; the secret is
// what makes the token a capability. Lists show the number only. Pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::protocol {

/// 16 lower-case hex digits.
class Secret {
 public:
  static constexpr std::size_t digits = 16;
  Secret() { digits_.fill('0'); }
  /// Zeros are put behind what is too short, and what is too long is cut.
  explicit Secret(std::string_view digits) : Secret() {
    std::copy_n(digits.begin(), std::min(digits.size(), digits_.size()), digits_.begin());
  }
  Secret& operator=(std::string_view digits) { return *this = Secret(digits); }
  std::string_view view() const { return {digits_.data(), digits_.size()}; }
  bool operator==(const Secret&) const = default;

 private:
  std::array<char, digits> digits_;
};

struct Token {
  std::uint64_t number = 0;
  Secret secret;
  bool operator==(const Token&) const = default;
};

inline std::string to_string(const Token& token) {
  std::string text;
  text.reserve(20 + 1 + Secret::digits);
  std::array<char, 20> number;
  char* end = std::to_chars(number.data(), number.data() + number.size(), token.number).ptr;
  return text.append(number.data(), end).append(1, '-').append(token.secret.view());
}

/// Nothing unless the text has exactly the form that `to_string` gives.
inline std::optional<Token> parse_token(std::string_view text) {
  Token token;
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || dash == 0 || text.size() - dash - 1 != Secret::digits)
    return std::nullopt;
  if (dash > 1 && text.front() == '0') return std::nullopt;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + dash, token.number);
  if (problem != std::errc{} || end != text.data() + dash) return std::nullopt;
  const std::string_view secret = text.substr(dash + 1);
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::all_of(secret.begin(), secret.end(), is_digit)) return std::nullopt;
  token.secret = secret;
  return token;
}

}  // namespace sluice::protocol
