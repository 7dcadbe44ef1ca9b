// A line of the shell as words: quotes as in sh, ';' between commands, '#' before a comment, and
// '!' before a command of this machine. There are no variables, pipes or redirections; what sh
// would take for one has to be quoted. Pure functions. Read on: operands.hpp, completion.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::shell {

struct Word {
  /// Without its quotes.
  std::string text;
  /// For each byte of the text whether it was quoted: then it stands for itself.
  std::vector<bool> quoted;
  /// Whether names have to be looked up: there is a '*', '?' or '[...]' that is not quoted.
  bool has_wildcard() const;
};

/// One command.
struct Statement {
  std::vector<Word> words;
  /// What stands behind '!', as it was typed, to the end of the line.
  std::optional<std::string> local_command;
};

struct Line {
  /// None is empty, but the last one may be if `for_completion`.
  std::vector<Statement> statements;
  /// The quote that is still open at the end (' or "), a backslash, or 0.
  char open = 0;
  /// The last word goes on where the line ends; otherwise a new one begins there.
  bool in_word = false;
  bool in_comment = false;
  /// A character that means something to sh and nothing here ('|', '<', '>', '&'), or 0.
  char meaningless = 0;
};

Line read_line(std::string_view text);

/// Why this line cannot be run, as a sentence; empty if it can.
std::string problem_of(const Line& line);

/// The text as it is typed so that it reads back as itself, where `open` is the quote that is open
/// before it (0: none). The quote is not closed. Text with control characters cannot be typed.
std::string typed_form(std::string_view text, char open, bool at_word_begin);

}  // namespace sluice::shell
