// See seconds.hpp.
#include "client/shell/seconds.hpp"

#include <charconv>
#include <cmath>

namespace sluice::shell {

std::optional<std::chrono::milliseconds> parsed_seconds(std::string_view text) {
  constexpr double most = 86'400;
  double seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds <= most)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

}  // namespace sluice::shell
