// Path rules: see path.hpp.
#include "protocol/path.hpp"

#include <algorithm>

#include "protocol/limits.hpp"

namespace sluice::protocol {
namespace {

// Length of the valid UTF-8 sequence at `at`, 0 if there is none (overlong forms and surrogates
// too).
std::size_t utf8_length(std::string_view text, std::size_t at) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte(at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

// Paths appear in error messages: what is not printable ASCII or valid UTF-8 is shown escaped and
// short.
std::string printable(std::string_view path) {
  std::string text;
  std::size_t i = 0;
  while (i < path.size() && text.size() < 80) {
    const std::size_t length = utf8_length(path, i);
    const auto byte = static_cast<unsigned char>(path[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      constexpr char digits[] = "0123456789abcdef";
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      ++i;
    } else {
      text += path.substr(i, length);
      i += length;
    }
  }
  return i == path.size() ? text : text + "...";
}

Result<void> check_name(std::string_view name, std::string_view path) {
  auto bad = [&](std::string_view why) { return fail(Code::bad_path, printable(path), why); };
  if (name.empty()) return bad("it starts or ends with '/' or has an empty part");
  if (name == "." || name == "..") return bad("it has a part '.' or '..'");
  if (name.size() > limits::name_bytes) return bad("a name in it is longer than 255 bytes");
  for (std::size_t i = 0; i < name.size();) {
    if (name[i] == '\0') return bad("it has a NUL byte");
    const std::size_t length = utf8_length(name, i);
    if (length == 0) return bad("it is not valid UTF-8");
    i += length;
  }
  return {};
}

}  // namespace

bool is_plain_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) return false;
    i += length;
  }
  return true;
}

Result<void> check_path(std::string_view path) {
  if (path.empty()) return {};
  if (path.front() == '/') return fail(Code::bad_path, printable(path), "it is absolute");
  if (path.size() > limits::path_bytes)
    return fail(Code::bad_path, printable(path), "it is longer than 4000 bytes");
  std::size_t depth = 0;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (auto ok = check_name(name, path); !ok) return ok;
    if (begin == 0 && name == own_directory)
      return fail(Code::bad_path, printable(path), "'.sluice' belongs to the server");
    if (++depth > limits::path_depth)
      return fail(Code::bad_path, printable(path), "it is deeper than 128 directories");
    begin = end + 1;
  }
  return {};
}

Result<void> check_entry_path(std::string_view path) {
  if (path.empty()) return fail(Code::bad_path, ".", "the root itself cannot be changed");
  return check_path(path);
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string join(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  return std::string(directory) + "/" + std::string(name);
}

}  // namespace sluice::protocol
