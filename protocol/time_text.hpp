// How messages tell a stretch of time: "12 s", "3 min 5 s", "1 h", "2 d 6 h". Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace sluice::protocol {

/// The two largest units that are not zero side by side; what is beneath them is left out.
inline std::string time_text(std::uint64_t seconds) {
  using Unit = std::pair<std::uint64_t, const char*>;
  constexpr std::array<Unit, 4> units{Unit{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}};
  std::size_t at = 0;
  while (at + 1 < units.size() && seconds < units[at].first) ++at;
  const auto [large, name] = units[at];
  std::string text = std::to_string(seconds / large) + " " + name;
  if (at + 1 == units.size()) return text;
  const auto [small, small_name] = units[at + 1];
  const std::uint64_t rest = seconds % large / small;
  if (rest > 0) text += " " + std::to_string(rest) + " " + small_name;
  return text;
}

}  // namespace sluice::protocol
