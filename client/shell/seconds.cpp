// See seconds.hpp.
#include "client/shell/seconds.hpp"

#include <charconv>
#include <cmath>

namespace sluice::shell {
namespace {

// How many seconds a letter stands for; 0 if it is none of them.
double unit_of(std::string_view letter) {
  if (letter.empty() || letter == "s") return 1;
  if (letter == "m") return 60;
  if (letter == "h") return 3'600;
  return letter == "d" ? 86'400 : 0;
}

}  // namespace

std::optional<std::chrono::milliseconds> parsed_seconds(std::string_view text) {
  constexpr double most = 86'400;
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{}) return std::nullopt;
  const double unit = unit_of(text.substr(static_cast<std::size_t>(end - text.data())));
  const double seconds = number * unit;
  if (unit == 0 || !(seconds >= 0 && seconds <= most)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

}  // namespace sluice::shell
