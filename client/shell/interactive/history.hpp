// The lines typed in shells before, in the user's state directory: a plain file, one line each,
// readable by its user alone. Each shell adds its lines at the end as they are typed, so that
// several may share it. What goes wrong with it is no reason to keep anybody from work. Main
// thread. Read on: editor.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::shell {

class History {
 public:
  static constexpr std::size_t lines_most = 1000;

  /// "" keeps nothing.
  explicit History(std::string path) : path_(std::move(path)) {}

  /// The last ones, oldest first. A file that has grown to twice lines_most is shortened.
  std::vector<std::string> load() const;
  /// Not for a line that begins with a space, holds a token or is the same as the one before.
  /// Whether it was kept.
  bool add(const std::string& line);

 private:
  const std::string path_;
  std::string last_;
};

/// $XDG_STATE_HOME/sluice/history, or under ~/.local/state; "" if there is no home. Makes the
/// directory.
std::string history_path();

}  // namespace sluice::shell
