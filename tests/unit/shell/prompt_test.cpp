// What stands around a line: prompt, columns, history, and the tokens that go into commands.
#include "client/shell/interactive/prompt.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "client/shell/interactive/columns.hpp"
#include "client/shell/interactive/history.hpp"
#include "client/shell/own_locks.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::shell;
namespace fs = std::filesystem;

namespace {

struct Scratch {
  fs::path path = fs::temp_directory_path() / ("sluice-history-" + std::to_string(::getpid()));
  Scratch() { fs::create_directories(path); }
  ~Scratch() { fs::remove_all(path); }
  std::string file() const { return path / "history"; }
};

}  // namespace

TEST_CASE("the prompt names server, directory and locks") {
  CHECK(prompt_text("files:5970", "", 0, 80) == "sluice files:5970 /> ");
  CHECK(prompt_text("files:5970", "a/b", 1, 80) == "sluice files:5970 /a/b [1 lock]> ");
  CHECK(prompt_text("files:5970", "a", 2, 80) == "sluice files:5970 /a [2 locks]> ");
  const std::string shortened = prompt_text("s", std::string(100, 'x') + "/end", 0, 80);
  CHECK(shortened.size() <= 40);
  CHECK(shortened.ends_with("x/end> "));
  CHECK(shortened.find("...") != std::string::npos);
  CHECK(server_name({"", {.endpoint = "tcp://files:5970"}}) == "files:5970");
  CHECK(server_name({"", {.endpoint = "ipc:///run/sluiced.sock"}}) == "sluiced.sock");
  CHECK(server_name({"lab", {.endpoint = "tcp://files:5970"}}) == "lab");
}

TEST_CASE("names stand in columns, down and then across") {
  CHECK(in_columns({"a", "b", "c", "d", "e"}, 10) == "a  c  e\nb  d\n");
  CHECK(in_columns({"a", "b"}, 1) == "a\nb\n");
  CHECK(in_columns({}, 80).empty());
}

TEST_CASE("history is kept, bounded, private, and shared by two shells") {
  const Scratch scratch;
  History one(scratch.file());
  History other(scratch.file());
  CHECK(one.load().empty());
  CHECK(one.add("ls"));
  CHECK(other.add("cd docs"));
  CHECK(one.add("pwd"));
  CHECK_FALSE(one.add("pwd"));
  CHECK_FALSE(one.add(" secret"));
  CHECK_FALSE(one.add("rm --token 1-abc x"));
  CHECK_FALSE(one.add(""));
  CHECK(one.load() == std::vector<std::string>{"ls", "cd docs", "pwd"});
  struct stat about {};
  REQUIRE(::stat(scratch.file().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0600U);

  std::ofstream file(scratch.file(), std::ios::app);
  for (std::size_t i = 0; i < 3 * History::lines_most; ++i) file << "line " << i << "\n";
  file.close();
  CHECK(one.load().size() == History::lines_most);
  CHECK(one.load().back() == "line " + std::to_string(3 * History::lines_most - 1));
  CHECK(fs::file_size(scratch.file()) < 20 * History::lines_most);
  CHECK(History("").load().empty());
  CHECK(History("").add("ls"));
}

TEST_CASE("a lock covers its paths, and what is beneath them if it is of a tree") {
  const sluice::Claim path{"a/b"};
  CHECK(covers(path, "a/b"));
  CHECK_FALSE(covers(path, "a/b/c"));
  CHECK_FALSE(covers(path, "a"));
  const sluice::Claim tree{.path = "a/b", .tree = true};
  CHECK(covers(tree, "a/b"));
  CHECK(covers(tree, "a/b/c"));
  CHECK_FALSE(covers(tree, "a/bc"));
  CHECK(covers({.path = "", .tree = true}, "anything"));
  CHECK_FALSE(covers({.path = "a/b", .tree = true, .shared = true}, "a/b"));
}
