// Durations as users write them, on the command line and in sluice.conf: a number of seconds, or of
// something longer with its letter. Pure, any thread. Read on: command_line.hpp, servers.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::shell {

/// "0.25" -> 250 ms, "90s", "15m", "1.5h", "1d"; rounded up. Nothing for what is no time from 0 to
/// a day, whatever the locale.
std::optional<std::chrono::milliseconds> parsed_seconds(std::string_view text);

/// What messages call such a duration.
inline constexpr std::string_view seconds_meaning =
    "a time from 0 to 86400 seconds, such as 90, 15m or 1h";

}  // namespace sluice::shell
