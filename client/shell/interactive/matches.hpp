// What a word may become: counted to the end, remembered up to a bound, so that a directory of a
// million names takes no more memory than one of a thousand. Belongs to one thread at a time. Read
// on: completion.hpp, name_scan.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::shell {

struct Candidate {
  /// The whole word, without quotes.
  std::string text;
  /// What a list shows of it.
  std::string shown = {};
  std::string description = {};
  /// More of the word can follow: no space behind it.
  bool goes_on = false;
};

class Matches {
 public:
  static constexpr std::size_t kept_most = 1000;

  void add(Candidate candidate);
  std::size_t count() const { return count_; }
  /// What all of them begin with; whole characters.
  const std::string& common() const { return common_; }
  /// The first kept_most that came.
  const std::vector<Candidate>& kept() const { return kept_; }

  /// Whether there can be no others. If not, nothing is certain but what was found.
  bool whole = true;
  /// Why nothing more is known; may be empty.
  std::string problem;

 private:
  std::size_t count_ = 0;
  std::string common_;
  std::vector<Candidate> kept_;
};

}  // namespace sluice::shell
