// Words of a line: see words.hpp.
#include "client/shell/interactive/words.hpp"

#include <algorithm>

namespace sluice::shell {
namespace {

constexpr std::string_view spaces = " \t\r\n";
// What has to be quoted outside of quotes.
constexpr std::string_view special = " \t\\'\";|<>&*?[]$`(){}";
constexpr std::string_view special_in_double_quotes = "\\\"$`";
// These only where a word begins.
constexpr std::string_view special_at_begin = "#~!";

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Line read() {
    line_.statements.emplace_back();
    while (at_ < text_.size()) step();
    if (line_.statements.size() > 1 && empty(line_.statements.back()) && !line_.in_word &&
        line_.open == 0)
      line_.statements.pop_back();
    if (line_.statements.size() == 1 && empty(line_.statements.back())) line_.statements.clear();
    return std::move(line_);
  }

 private:
  static bool empty(const Statement& statement) {
    return statement.words.empty() && !statement.local_command;
  }

  void step() {
    const char c = text_[at_++];
    if (line_.open != 0) return step_in_quotes(c);
    if (is_one_of(c, spaces)) {
      line_.in_word = false;
    } else if (c == ';') {
      line_.in_word = false;
      if (!empty(line_.statements.back())) line_.statements.emplace_back();
    } else if (c == '#' && !line_.in_word) {
      line_.in_comment = true;
      at_ = text_.size();
    } else if (c == '!' && empty(line_.statements.back())) {
      line_.statements.back().local_command = std::string(text_.substr(at_));
      at_ = text_.size();
    } else if (c == '\'' || c == '"') {
      word();
      line_.open = c;
    } else if (c == '\\') {
      word();
      line_.open = at_ == text_.size() ? c : 0;
      if (line_.open == 0) add(text_[at_++], true);
    } else {
      if (is_one_of(c, "|<>&") && line_.meaningless == 0) line_.meaningless = c;
      add(c, false);
    }
  }

  void step_in_quotes(char c) {
    if (c == line_.open) {
      line_.open = 0;
    } else if (c == '\\' && line_.open == '"' && at_ < text_.size() &&
               is_one_of(text_[at_], special_in_double_quotes)) {
      add(text_[at_++], true);
    } else {
      add(c, true);
    }
  }

  Word& word() {
    auto& words = line_.statements.back().words;
    if (!line_.in_word) words.emplace_back();
    line_.in_word = true;
    return words.back();
  }

  void add(char c, bool quoted) {
    Word& current = word();
    current.text += c;
    current.quoted.push_back(quoted);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Line line_;
};

}  // namespace

bool Word::has_wildcard() const {
  bool bracket = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted[i]) continue;
    if (text[i] == '*' || text[i] == '?' || (text[i] == ']' && bracket)) return true;
    bracket |= text[i] == '[';
  }
  return false;
}

Line read_line(std::string_view text) {
  return Reader(text).read();
}

std::string problem_of(const Line& line) {
  if (line.open == '\\') return "there is nothing behind the last '\\'";
  if (line.open != 0) return std::string("the quote ") + line.open + " is not closed";
  if (line.meaningless != 0)
    return std::string("'") + line.meaningless +
           "' means nothing here: quote it, or use '!' for a command of this machine";
  return "";
}

std::string typed_form(std::string_view text, char open, bool at_word_begin) {
  std::string typed;
  for (const char c : text) {
    if (open == '\'') {
      typed += c == '\'' ? "'\\''" : std::string(1, c);
      continue;
    }
    const bool begins = at_word_begin && typed.empty() && open == 0;
    const bool escape = open == '"'
                            ? is_one_of(c, special_in_double_quotes)
                            : is_one_of(c, special) || (begins && is_one_of(c, special_at_begin));
    if (escape) typed += '\\';
    typed += c;
  }
  return typed;
}

}  // namespace sluice::shell
