// Characters of UTF-8 text and the columns of a terminal they take, whatever the locale is, by what
// the C library knows. Pure functions, any thread. Read on: progress_view.cpp, format.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::shell {

/// Length of the valid UTF-8 sequence at `at`; 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at);

/// Columns of UTF-8 text; a byte that is no character takes one.
std::size_t text_width(std::string_view text);

/// The text in exactly `columns`: filled up with spaces, or, as the end of a path tells more than
/// its beginning, its end behind "..".
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace sluice::shell
