// Lines of the shell as words: quotes, comments, several commands, and texts that read back.
#include "client/shell/interactive/words.hpp"

#include <random>

#include "tests/support/catch.hpp"

using namespace sluice::shell;

namespace {

std::vector<std::vector<std::string>> texts(std::string_view text) {
  std::vector<std::vector<std::string>> all;
  for (const Statement& statement : read_line(text).statements) {
    all.emplace_back();
    if (statement.local_command) all.back() = {"!", *statement.local_command};
    for (const Word& word : statement.words) all.back().push_back(word.text);
  }
  return all;
}

using Texts = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("words are quoted as in sh") {
  CHECK(texts("ls -l a") == Texts{{"ls", "-l", "a"}});
  CHECK(texts(R"(get 'a b' "c d" e\ f)") == Texts{{"get", "a b", "c d", "e f"}});
  CHECK(texts(R"(cat a'b'"c"\d '' "")") == Texts{{"cat", "abcd", "", ""}});
  CHECK(texts(R"(cat "a\"b\$c\d" 'e\f' g\'h)") == Texts{{"cat", R"(a"b$c\d)", R"(e\f)", "g'h"}});
  CHECK(texts("cat größe 文 \t x") == Texts{{"cat", "größe", "文", "x"}});
}

TEST_CASE("a line holds several commands, comments and commands of this machine") {
  CHECK(texts("cd a; ls;; pwd ;") == Texts{{"cd", "a"}, {"ls"}, {"pwd"}});
  CHECK(texts("ls # all; of it") == Texts{{"ls"}});
  CHECK(texts("ls a#b '#c'") == Texts{{"ls", "a#b", "#c"}});
  CHECK(texts("ls; !ls -l | wc; x") == Texts{{"ls"}, {"!", "ls -l | wc; x"}});
  CHECK(texts("cat !x") == Texts{{"cat", "!x"}});
  CHECK(texts("").empty());
  CHECK(texts("  # nothing").empty());
  CHECK(texts(" ; ; ").empty());
}

TEST_CASE("what cannot be run is told") {
  CHECK(problem_of(read_line("cat 'a")).find("' is not closed") != std::string::npos);
  CHECK(problem_of(read_line("cat \"a")).find("\" is not closed") != std::string::npos);
  CHECK_FALSE(problem_of(read_line("cat a\\")).empty());
  CHECK(problem_of(read_line("cat a | less")).find("'|'") != std::string::npos);
  CHECK(problem_of(read_line("ls > x")).find("'>'") != std::string::npos);
  CHECK(problem_of(read_line("ls 'a|b' a\\&b # | >")).empty());
  CHECK(problem_of(read_line("!date | cat")).empty());
}

TEST_CASE("only characters that are not quoted are wildcards") {
  auto wild = [](std::string_view text) {
    return read_line(text).statements.front().words.back().has_wildcard();
  };
  CHECK(wild("*.csv"));
  CHECK(wild("a?"));
  CHECK(wild("a[bc]"));
  CHECK(wild("'a b'*"));
  CHECK_FALSE(wild("'*'"));
  CHECK_FALSE(wild("a\\*\\?"));
  CHECK_FALSE(wild("\"[a]\""));
  CHECK_FALSE(wild("a[b"));
}

TEST_CASE("where a line ends is known for completion") {
  CHECK(read_line("get a").in_word);
  CHECK_FALSE(read_line("get ").in_word);
  CHECK(read_line("get 'a b").open == '\'');
  CHECK(read_line("get '").in_word);
  CHECK(read_line("ls;").statements.size() == 1);
  CHECK(read_line("ls # x").in_comment);
}

TEST_CASE("typed forms read back as the text, in every quote") {
  std::mt19937 random(7);
  const std::string characters = "ab \t'\"\\$`*?[]!~#;|&<>(){}-/=ü文";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const std::size_t size = 1 + random() % 8;
    for (std::size_t i = 0; i < size; ++i) text += characters[random() % characters.size()];
    for (const char open : {'\0', '\'', '"'}) {
      std::string line = "x ";
      if (open != 0) line += open;
      line += typed_form(text, open, true);
      if (open != 0) line += open;
      CAPTURE(line);
      const Line read = read_line(line);
      REQUIRE(problem_of(read).empty());
      REQUIRE(read.statements.size() == 1);
      REQUIRE(read.statements[0].words.size() == 2);
      CHECK(read.statements[0].words[1].text == text);
      CHECK_FALSE(read.statements[0].words[1].has_wildcard());
    }
  }
}
