// Names for patterns: see globs.hpp. Matching itself is fnmatch(3).
#include "client/shell/interactive/globs.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "sluice/error.hpp"

namespace sluice::shell {
namespace {

// What stands between two slashes, with the slashes behind it.
struct Part {
  Word word;
  std::string slashes;
};

std::vector<Part> parts_of(const Word& word) {
  std::vector<Part> parts;
  bool in_slashes = true;
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    const bool slash = word.text[i] == '/';
    if (parts.empty() || (in_slashes && !slash && !parts.back().slashes.empty()))
      parts.emplace_back();
    in_slashes = slash;
    if (slash) {
      parts.back().slashes += '/';
    } else {
      parts.back().word.text += word.text[i];
      parts.back().word.quoted.push_back(word.quoted[i]);
    }
  }
  return parts;
}

// For fnmatch, where a backslash makes a character stand for itself.
std::string pattern_of(const Word& word) {
  std::string pattern;
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    if (word.quoted[i] || word.text[i] == '\\') pattern += '\\';
    pattern += word.text[i];
  }
  return pattern;
}

// What every match begins with.
std::string prefix_of(const Word& word) {
  std::string prefix;
  for (std::size_t i = 0; i < word.text.size(); ++i) {
    const char c = word.text[i];
    if (!word.quoted[i] && (c == '*' || c == '?' || c == '[')) break;
    prefix += c;
  }
  return prefix;
}

void bound(const std::vector<std::string>& paths, const Word& word) {
  if (paths.size() > matches_most)
    throw Error("too_large", word.text,
                "more than " + std::to_string(matches_most) + " names match");
}

}  // namespace

std::vector<std::string> expanded(const Word& word, NameSource& source) {
  std::vector<std::string> paths{""};
  bool to_be_checked = false;
  for (const Part& part : parts_of(word)) {
    if (!part.word.has_wildcard()) {
      for (std::string& path : paths) path += part.word.text + part.slashes;
      to_be_checked = true;
      continue;
    }
    const std::string pattern = pattern_of(part.word);
    const std::string prefix = prefix_of(part.word);
    std::vector<std::string> longer;
    for (const std::string& path : paths) {
      source.names(path, prefix, [&](const Name& name) {
        const bool fits = part.slashes.empty() || name.is_directory;
        if (fits && ::fnmatch(pattern.c_str(), name.text.c_str(), FNM_PERIOD) == 0)
          longer.push_back(path + name.text + part.slashes);
        return longer.size() <= matches_most;
      });
      bound(longer, word);
    }
    paths = std::move(longer);
    to_be_checked = false;
  }
  if (to_be_checked)
    std::erase_if(paths, [&](const std::string& path) { return !source.exists(path); });
  if (paths.empty()) throw Error("not_found", word.text, "no name matches");
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace sluice::shell
