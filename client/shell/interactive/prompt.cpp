// The prompt: see prompt.hpp.
#include "client/shell/interactive/prompt.hpp"

#include <algorithm>

#include "client/shell/format.hpp"
#include "client/shell/text_width.hpp"

namespace sluice::shell {
namespace {

constexpr std::size_t directory_columns_least = 10;

// The last `columns` characters at most, beginning with "..." if some were lost.
std::string end_of(const std::string& text, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text, at)) ++count;
  if (count <= columns) return text;
  std::size_t at = 0;
  for (std::size_t drop = count - columns + 3; drop > 0; --drop) at += utf8_length(text, at);
  return "..." + text.substr(at);
}

}  // namespace

std::string server_name(const Server& server) {
  if (!server.name.empty()) return server.name;
  const std::string& endpoint = server.options.endpoint;
  const auto scheme = endpoint.find("://");
  if (scheme == std::string::npos) return endpoint;
  const std::string address = endpoint.substr(scheme + 3);
  return endpoint.starts_with("ipc") ? address.substr(address.rfind('/') + 1) : address;
}

std::string prompt_text(const std::string& server, const std::string& directory, std::size_t locks,
                        std::size_t columns) {
  const std::string begin = "sluice " + escaped(server) + " ";
  std::string end = "> ";
  if (locks > 0) end = " [" + std::to_string(locks) + (locks == 1 ? " lock" : " locks") + "]" + end;
  const std::size_t taken = begin.size() + end.size();
  const std::size_t room = columns / 2 > taken ? columns / 2 - taken : 0;
  return begin + end_of("/" + escaped(directory), std::max(room, directory_columns_least)) + end;
}

}  // namespace sluice::shell
