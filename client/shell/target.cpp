// Where copies go: see target.hpp.
#include "client/shell/target.hpp"

#include <set>
#include <string_view>

#include "sluice/error.hpp"

namespace sluice::shell {

namespace {

// On either side.
constexpr std::size_t name_bytes_most = 255;

}  // namespace

std::string without_slashes(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return path.empty() ? "" : "/";
  return path.substr(0, last + 1);
}

std::string remote_path(const std::string& typed) {
  std::string path = without_slashes(typed);
  while (path.ends_with("/.")) path = without_slashes(path.substr(0, path.size() - 2));
  return path == "." ? "" : path;
}

std::string base_name(const std::string& path) {
  const std::string bare = without_slashes(path);
  const auto slash = bare.rfind('/');
  const std::string name = slash == std::string::npos ? bare : bare.substr(slash + 1);
  return name == "." || name == ".." ? "" : name;
}

std::string joined(const std::string& directory, const std::string& name) {
  if (directory.empty() || name.empty()) return directory + name;
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

bool names_contents(const std::string& typed) {
  const std::string last = typed.substr(typed.rfind('/') + 1);
  return last == "." || last == "..";
}

bool names_directory(const std::string& typed) {
  return typed.empty() || typed.ends_with('/') || names_contents(typed);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= name_bytes_most && name != "." && name != ".." &&
         name.find_first_of(std::string("/\0", 2)) == std::string::npos;
}

// ".sluice-HEX" or ".NAME.sluice-part.HEX".
bool is_left_by_get(const std::string& name) {
  constexpr std::size_t digits = 16;
  if (name.size() < digits || !name.starts_with('.')) return false;
  const std::string_view beginning(name.data(), name.size() - digits);
  const bool is_hex = name.find_first_not_of("0123456789abcdef", beginning.size()) == name.npos;
  return is_hex && (beginning == ".sluice-" || beginning.ends_with(".sluice-part."));
}

std::vector<std::string> targets_of(const std::vector<std::string>& sources,
                                    const std::string& typed, const std::string& target,
                                    Found found) {
  const bool into = found == Found::directory || names_directory(typed);
  if (sources.size() > 1 && !into) throw Error("not_directory", typed, "several sources need one");
  if (into && found == Found::other)
    throw Error("not_directory", typed, "only one can be meant by '/' at the end");
  if (!into) return {target};

  std::vector<std::string> targets;
  std::set<std::string> seen;
  for (const std::string& source : sources) {
    targets.push_back(joined(target, base_name(source)));
    if (!seen.insert(targets.back()).second)
      throw Error("usage", source, "two sources would have the same name in the target");
  }
  return targets;
}

}  // namespace sluice::shell
