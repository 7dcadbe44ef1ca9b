// How many columns of a terminal text takes, whatever the locale is: names are UTF-8. Pure
// functions, any thread. Read on: progress_view.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::shell {

/// Columns of UTF-8 text; a byte that is no character takes one.
std::size_t text_width(std::string_view text);

/// The text in exactly `columns`: filled up with spaces, or, as the end of a path tells more than
/// its beginning, its end behind "..".
std::string fitted(std::string_view text, std::size_t columns);

}  // namespace sluice::shell
