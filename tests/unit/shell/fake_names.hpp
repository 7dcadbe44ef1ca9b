// A tree of names in memory, for patterns and completion. One thread at a time.
#pragma once

#include <set>
#include <string>

#include "client/shell/interactive/globs.hpp"

namespace sluice::shell {

class FakeNames : public NameSource {
 public:
  /// Paths from the root; those that end with '/' are directories.
  explicit FakeNames(std::set<std::string> paths) : paths_(std::move(paths)) {}

  void names(const std::string& directory, const std::string& prefix, const Taker& taker) override {
    ++lists;
    for (const std::string& path : paths_) {
      if (!path.starts_with(directory) || path == directory) continue;
      const std::string rest = path.substr(directory.size());
      const auto slash = rest.find('/');
      if (slash != std::string::npos && slash + 1 != rest.size()) continue;
      const Name name{rest.substr(0, slash), slash != std::string::npos};
      if (name.text.starts_with(prefix) && !taker(name)) return;
    }
  }
  bool exists(const std::string& path) override {
    return paths_.contains(path) || paths_.contains(path + "/");
  }

  int lists = 0;

 private:
  const std::set<std::string> paths_;
};

}  // namespace sluice::shell
