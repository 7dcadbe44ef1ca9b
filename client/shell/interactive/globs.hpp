// Names for patterns: '*', '?' and '[...]' in any part of a path. A quoted character stands for
// itself, names that begin with a dot are found only if the pattern says the dot. Knows no server
// and no disk: a NameSource tells the names. Any thread. Read on: name_sources.hpp, operands.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "client/shell/interactive/words.hpp"

namespace sluice::shell {

struct Name {
  std::string text;
  bool is_directory = false;
  /// For a list of candidates; may be empty.
  std::string description = {};
};

/// The names in a tree of files. Paths are as its user writes them: "" is where he stands.
class NameSource {
 public:
  /// Gets names until it gives false.
  using Taker = std::function<bool(const Name&)>;

  virtual ~NameSource() = default;
  /// The names in a directory that begin with `prefix`, in any order; without "." and "..". A
  /// directory that is not there has none. Throws Error.
  virtual void names(const std::string& directory, const std::string& prefix,
                     const Taker& taker) = 0;
  /// Whether anything is at this path. Throws Error.
  virtual bool exists(const std::string& path) = 0;
};

/// More matches than this are a mistake of whoever typed the pattern.
inline constexpr std::size_t matches_most = 100'000;

/// The paths that match, sorted, never none. Throws `not_found`, and `too_large` beyond
/// matches_most.
std::vector<std::string> expanded(const Word& word, NameSource& source);

}  // namespace sluice::shell
