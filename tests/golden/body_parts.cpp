// See body_parts.hpp. Walks the map with msgpack, which tells where each value ends.
#include "tests/golden/body_parts.hpp"

#include <msgpack.hpp>

namespace sluice::golden {
namespace {

struct StringSink {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

std::size_t map_head_bytes(std::string_view body) {
  const auto first = static_cast<unsigned char>(body.at(0));
  return first == 0xdf ? 5 : first == 0xde ? 3 : 1;
}

}  // namespace

std::vector<Part> take_apart(std::string_view body) {
  std::vector<Part> parts;
  std::size_t at = map_head_bytes(body);
  while (at < body.size()) {
    const auto key = msgpack::unpack(body.data(), body.size(), at);
    const std::size_t begin = at;
    msgpack::unpack(body.data(), body.size(), at);
    parts.emplace_back(key.get().as<std::string>(), body.substr(begin, at - begin));
  }
  return parts;
}

std::string put_together(const std::vector<Part>& parts) {
  std::string body;
  StringSink sink{body};
  msgpack::packer<StringSink>(sink).pack_map(static_cast<std::uint32_t>(parts.size()));
  for (const auto& [key, value] : parts) body += packed(key) + value;
  return body;
}

std::string packed(std::string_view text) {
  std::string bytes;
  StringSink sink{bytes};
  msgpack::packer<StringSink>(sink).pack(text);
  return bytes;
}

}  // namespace sluice::golden
