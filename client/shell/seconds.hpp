// Durations as users write them, on the command line and in sluice.conf: seconds, fractions
// allowed. Pure, any thread. Read on: command_line.hpp, servers.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::shell {

/// "0.25" -> 250 ms, rounded up; nothing for what is no number from 0 to 86400 (a day), whatever
/// the locale.
std::optional<std::chrono::milliseconds> parsed_seconds(std::string_view text);

/// What messages call such a duration.
inline constexpr std::string_view seconds_meaning = "a number of seconds from 0 to 86400";

}  // namespace sluice::shell
