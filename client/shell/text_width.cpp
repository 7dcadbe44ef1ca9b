// Columns of text: see text_width.hpp.
#include "client/shell/text_width.hpp"

#include <wchar.h>

#include <clocale>
#include <cwchar>

namespace sluice::shell {
namespace {

constexpr std::string_view cut_mark = "..";

// The C library knows widths of characters in a locale only.
class Utf8Here {
 public:
  Utf8Here() : before_(::uselocale(made())) {}
  ~Utf8Here() { ::uselocale(before_); }
  Utf8Here(const Utf8Here&) = delete;
  Utf8Here& operator=(const Utf8Here&) = delete;

 private:
  static locale_t made() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }

  locale_t before_;
};

constexpr wchar_t last_character = 0x10ffff;

// Its length; 0 if there is none. In the locale of Utf8Here.
std::size_t decode(std::string_view text, std::size_t at, wchar_t& character) {
  if (text[at] == '\0') return 1;
  std::mbstate_t state{};
  const std::size_t size = std::mbrtowc(&character, text.data() + at, text.size() - at, &state);
  return size > text.size() - at || character > last_character ? 0 : size;
}

struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

Character character_at(std::string_view text, std::size_t at) {
  wchar_t character = 0;
  const std::size_t size = decode(text, at, character);
  if (size == 0 || character == 0) return {};
  const int columns = ::wcwidth(character);
  return {size, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const Utf8Here utf8;
  wchar_t character = 0;
  return decode(text, at, character);
}

std::size_t text_width(std::string_view text) {
  const Utf8Here utf8;
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    width += character.columns;
    at += character.bytes;
  }
  return width;
}

std::string fitted(std::string_view text, std::size_t columns) {
  std::size_t width = text_width(text);
  if (width <= columns) return std::string(text) + std::string(columns - width, ' ');
  const std::string_view mark = cut_mark.substr(0, columns);
  const Utf8Here utf8;
  std::size_t at = 0;
  while (at < text.size() && width + mark.size() > columns) {
    const Character character = character_at(text, at);
    width -= character.columns;
    at += character.bytes;
  }
  std::string out(mark);
  out += text.substr(at);
  // A wide character may have left one column more than was needed.
  return out + std::string(columns - mark.size() - width, ' ');
}

}  // namespace sluice::shell
