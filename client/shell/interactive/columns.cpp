// Names beside each other: see columns.hpp.
#include "client/shell/interactive/columns.hpp"

#include <wchar.h>

#include <algorithm>
#include <cwchar>

namespace sluice::shell {
namespace {

constexpr std::size_t gap = 2;

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t width = 0;
  std::mbstate_t state{};
  for (std::size_t at = 0; at < text.size();) {
    wchar_t c = 0;
    const std::size_t size = std::mbrtowc(&c, text.data() + at, text.size() - at, &state);
    if (size == 0 || size > text.size() - at) {
      state = {};
      ++width;
      ++at;
      continue;
    }
    width += static_cast<std::size_t>(std::max(0, ::wcwidth(c)));
    at += size;
  }
  return width;
}

std::string in_columns(const std::vector<std::string>& names, std::size_t columns) {
  if (names.empty()) return "";
  std::vector<std::size_t> widths;
  for (const std::string& name : names) widths.push_back(columns_of(name));
  const std::size_t each = *std::max_element(widths.begin(), widths.end()) + gap;
  const std::size_t across = std::max<std::size_t>(1, (columns + gap - 1) / each);
  const std::size_t down = (names.size() + across - 1) / across;
  std::string text;
  for (std::size_t row = 0; row < down; ++row) {
    for (std::size_t i = row; i < names.size(); i += down) {
      text += names[i];
      if (i + down < names.size()) text.append(each - widths[i], ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace sluice::shell
