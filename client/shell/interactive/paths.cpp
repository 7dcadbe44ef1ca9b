// Remote paths of a shell: see paths.hpp.
#include "client/shell/interactive/paths.hpp"

#include <string_view>
#include <vector>

namespace sluice::shell {

std::string resolved(const std::string& directory, const std::string& typed) {
  const std::string whole = typed.starts_with('/') ? typed : directory + "/" + typed;
  std::vector<std::string_view> parts;
  std::string_view rest = whole;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string path;
  for (const std::string_view part : parts) path.append(path.empty() ? "" : "/").append(part);
  if (typed.ends_with('/') && !path.empty()) path += '/';
  return path;
}

}  // namespace sluice::shell
