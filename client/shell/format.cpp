// Sizes, times, modes and names for a person: see format.hpp.
#include "client/shell/format.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

std::string local_time(std::int64_t time_ns, const char* form, std::int64_t& rest_ns) {
  std::int64_t seconds = time_ns / ns_per_s;
  rest_ns = time_ns % ns_per_s;
  if (rest_ns < 0) {
    rest_ns += ns_per_s;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 64> text{};
  if (localtime_r(&time, &parts) == nullptr) return fmt::format("@{}", seconds);
  return {text.data(), std::strftime(text.data(), text.size(), form, &parts)};
}

bool is_control(std::string_view text, std::size_t at, std::size_t length) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (length == 1) return byte < 0x20 || byte == 0x7f;
  // C1 controls, which some terminals obey, are c2 80 to c2 9f.
  return length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
}

std::string escape(std::string_view text, bool backslashes) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0 || is_control(text, i, length) || (backslashes && text[i] == '\\')) {
      const std::size_t end = i + std::max<std::size_t>(length, 1);
      for (; i < end; ++i) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  const int digits = value < 9.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, digits, units[unit]);
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto ms = std::max<std::int64_t>(duration.count(), 0);
  const auto s = (ms + 500) / 1000;
  if (ms < 9'950) return fmt::format("{:.1f}s", static_cast<double>(ms) / 1000);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86'400, s / 3600 % 24);
}

std::string mode_text(Kind kind, std::uint32_t mode) {
  std::string text(1, kind == Kind::directory ? 'd' : kind == Kind::file ? '-' : '?');
  for (int shift = 6; shift >= 0; shift -= 3) {
    const std::uint32_t bits = mode >> shift;
    text += (bits & 4) ? 'r' : '-';
    text += (bits & 2) ? 'w' : '-';
    text += (bits & 1) ? 'x' : '-';
  }
  auto mark = [&](std::uint32_t bit, std::size_t at, char with_x, char without) {
    if (mode & bit) text[at] = text[at] == 'x' ? with_x : without;
  };
  mark(04000, 3, 's', 'S');
  mark(02000, 6, 's', 'S');
  mark(01000, 9, 't', 'T');
  return text;
}

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::file:
      return "file";
    case Kind::directory:
      return "directory";
    case Kind::other:
      break;
  }
  return "other";
}

std::string time_text(std::int64_t time_ns) {
  std::int64_t rest_ns = 0;
  return local_time(time_ns, "%Y-%m-%d %H:%M", rest_ns);
}

std::string exact_time_text(std::int64_t time_ns) {
  std::int64_t rest_ns = 0;
  const std::string seconds = local_time(time_ns, "%Y-%m-%d %H:%M:%S", rest_ns);
  const std::string zone = local_time(time_ns, "%z", rest_ns);
  return fmt::format("{}.{:09} {}", seconds, rest_ns, zone);
}

bool colour_wanted(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool can = terminal != nullptr && std::string_view(terminal) != "dumb";
  return can && (refused == nullptr || *refused == '\0') && ::isatty(fd) == 1;
}

std::string coloured(std::string_view name, Kind kind, std::uint32_t mode) {
  const bool program = kind == Kind::file && (mode & 0111) != 0;
  if (kind == Kind::file && !program) return std::string(name);
  const char* colour = program ? "32" : kind == Kind::directory ? "1;34" : "36";
  return fmt::format("\x1b[{}m{}\x1b[0m", colour, name);
}

std::string escaped(std::string_view text) {
  return escape(text, true);
}

std::string one_line(std::string_view text) {
  return escape(text, false);
}

}  // namespace sluice::shell
