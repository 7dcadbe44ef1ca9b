// Names beside each other, as ls shows them on a terminal. Pure functions. Read on: editor.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::shell {

/// Down, then across; lines end in a newline. Names are shown as they are: escape them before.
std::string in_columns(const std::vector<std::string>& names, std::size_t columns);

}  // namespace sluice::shell
