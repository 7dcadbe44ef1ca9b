// How sizes, times, modes and names are shown to a person. Pure functions, any thread. Read on:
// commands/ls.cpp, commands/stat.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/types.hpp"

namespace sluice::shell {

/// "17 B", "1.2 KiB", "345 MiB": at most three digits, binary units.
std::string size_text(std::uint64_t bytes);
/// "0.4s", "42s", "3m10s", "2h05m", "3d04h"; negative counts as none.
std::string duration_text(std::chrono::milliseconds duration);
/// "-rw-r--r--", "drwxr-xr-x", "?rw-r--r--" for what is neither.
std::string mode_text(Kind kind, std::uint32_t mode);
/// "file", "directory", "other".
std::string_view kind_text(Kind kind);
/// "2024-11-22 19:43" in local time.
std::string time_text(std::int64_t time_ns);
/// "2024-11-22 19:43:12.000000017 +0100" in local time.
std::string exact_time_text(std::int64_t time_ns);
/// Whether what goes to this descriptor may have colours: a terminal that knows them, and nobody
/// who has set NO_COLOR.
bool colour_wanted(int fd);
/// A name in the colour of what it names: directories blue, programs green, neither file nor
/// directory cyan.
std::string coloured(std::string_view name, Kind kind, std::uint32_t mode);
/// Control characters, bytes that are no UTF-8 and backslashes as "\x1b", so that a name cannot
/// act on a terminal and one that looks escaped is told from one that is.
std::string escaped(std::string_view text);
/// Control characters as "\x1b", all else as it is: for sentences, which hold names among words.
std::string one_line(std::string_view text);

}  // namespace sluice::shell
