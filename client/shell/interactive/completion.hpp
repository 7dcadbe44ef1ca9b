// What Tab does: what kind of word stands before the cursor, what it may become, and what is to be
// typed for that. The same engine answers `sluice __complete`. Main thread. Read on: editor.hpp,
// name_scan.hpp, ../commands/complete.cpp.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/shell/command_line.hpp"
#include "client/shell/interactive/name_scan.hpp"

namespace sluice::shell {

/// What the last of these words is. For one that is empty or not finished.
Role role_to_complete(const CommandLine& line, const std::vector<std::string>& before,
                      const std::string& word);

class Completer {
 public:
  /// `make` gives the names of directories, in a thread of its own.
  explicit Completer(MakeSource make) : make_(std::move(make)) {}

  /// What `word` behind `before` may become, as far as it is known within `time`. Asked the same
  /// again, it goes on from what was read.
  Matches matches(const CommandLine& line, const Seat& seat, const std::vector<std::string>& before,
                  const std::string& word, std::chrono::milliseconds time);

 private:
  Matches names(NameQuery query, std::chrono::milliseconds time);

  const MakeSource make_;
  std::unique_ptr<NameScan> scan_;
  std::chrono::steady_clock::time_point scan_begun_;
  /// Told to stop, and perhaps waiting for a server that does not answer.
  std::vector<std::unique_ptr<NameScan>> retired_;
};

/// What is shown and typed for a Tab.
struct Completion {
  std::string insertion;
  /// The candidates, if there are several, sorted.
  std::vector<std::string> list;
  /// A sentence for below the list; may be empty.
  std::string note;
};

/// `before_cursor` is all of the line that counts.
Completion complete(std::string_view before_cursor, const CommandLine& line, const Seat& seat,
                    Completer& completer, std::chrono::milliseconds time);

}  // namespace sluice::shell
