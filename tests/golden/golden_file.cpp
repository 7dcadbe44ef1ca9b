// See golden_file.hpp.
#include "tests/golden/golden_file.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "protocol/digest.hpp"
#include "tests/golden/body_parts.hpp"

namespace sluice::golden {
namespace {

constexpr std::size_t bytes_in_line = 32;

std::string format_line(std::string_view bytes, std::string_view remark) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += bytes_in_line) {
    std::string line = "  " + protocol::to_hex(bytes.substr(at, bytes_in_line));
    if (at == 0 && !remark.empty()) {
      line.resize(std::max<std::size_t>(line.size() + 1, 2 * bytes_in_line + 3), ' ');
      line += "| " + std::string(remark);
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

bool accepting() {
  const char* value = std::getenv("SLUICE_ACCEPT_GOLDEN");
  return value && std::string_view(value) == "1";
}

std::string source_path(std::string_view relative) {
  return std::string(SLUICE_SOURCE_ROOT) + "/" + std::string(relative);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

Sections parse_golden(std::string_view text) {
  Sections sections;
  std::string* current = nullptr;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("== ")) {
      const auto [at, fresh] = sections.try_emplace(line.substr(3));
      if (!fresh) throw std::runtime_error("section twice: " + line);
      current = &at->second;
      continue;
    }
    std::string hex;
    for (const char c : line.substr(0, line.find('|')))
      if (c != ' ') hex += c;
    const std::string bytes = protocol::from_hex(hex);
    if (bytes.size() * 2 != hex.size()) throw std::runtime_error("not hex: " + line);
    if (!hex.empty() && !current) throw std::runtime_error("hex before the first section");
    if (current) *current += bytes;
  }
  return sections;
}

std::string format_body(std::string_view name, std::string_view body) {
  const auto parts = take_apart(body);
  std::size_t size = 0;
  for (const auto& [key, value] : parts) size += packed(key).size() + value.size();
  std::string text = "== " + std::string(name) + "\n";
  text += format_line(body.substr(0, body.size() - size), "map of " + std::to_string(parts.size()));
  for (const auto& [key, value] : parts) text += format_line(packed(key) + value, key);
  return text + "\n";
}

std::string format_groups(std::string_view name,
                          const std::vector<std::pair<std::string, std::string>>& groups) {
  std::string text = "== " + std::string(name) + "\n";
  for (const auto& [bytes, remark] : groups) text += format_line(bytes, remark);
  return text + "\n";
}

}  // namespace sluice::golden
