// Names beside each other: see columns.hpp.
#include "client/shell/interactive/columns.hpp"

#include <algorithm>

#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t gap = 2;

}  // namespace

std::string in_columns(const std::vector<std::string>& names, std::size_t columns) {
  if (names.empty()) return "";
  std::vector<std::size_t> widths;
  for (const std::string& name : names) widths.push_back(text_width(name));
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
