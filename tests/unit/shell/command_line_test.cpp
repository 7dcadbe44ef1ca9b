// Operands arrive as they were typed, whatever CLI11 makes of brackets, and mistakes end with 2.
#include "client/shell/command_line.hpp"

#include <cstdlib>

#include "tests/support/catch.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;
using Paths = std::vector<std::string>;

namespace {

struct Parsed {
  CommandLine line;
  Paths paths;
  bool recursive = false;
  std::string how;
  sluice::Change change;
  std::optional<int> status;

  explicit Parsed(std::vector<const char*> arguments) {
    auto nothing = [](Invocation&) { return 0; };
    auto copy = line.add({"copy", "copies", "[-r] PATH...", "copy a"}, nothing);
    copy.flag("-r", recursive, "recursive");
    copy.number("--if-version", "V", change.if_version, "condition");
    copy.text("--how", "HOW", how, "how", {"well", "quickly"});
    copy.change_options(change);
    copy.operands("PATH...", paths, 1);
    auto lock = line.add({"lock", "locks", "PATH... -- COMMAND...", "lock a -- b"}, nothing);
    lock.seconds("--wait", change.wait, "wait");
    lock.operands("PATH...", paths, 1, 2);
    arguments.insert(arguments.begin(), "sluice");
    auto list = line.add({"list", "lists", "[PATH]", "list a"}, nothing);
    list.operands("PATH", paths, 0, 1);
    status = line.parse(static_cast<int>(arguments.size()), arguments.data());
  }
};

}  // namespace

TEST_CASE("operands are what was typed") {
  CHECK(Parsed({"copy", "a", "b"}).paths == Paths{"a", "b"});
  CHECK(Parsed({"copy", "[a,b]"}).paths == Paths{"[a,b]"});
  CHECK(Parsed({"copy", "[]", "{}", "%%", "++"}).paths == Paths{"[]", "{}", "%%", "++"});
  CHECK(Parsed({"copy", "-"}).paths == Paths{"-"});
  CHECK(Parsed({"copy", "lock", "copy"}).paths == Paths{"lock", "copy"});
  CHECK(Parsed({"copy", "--", "-r", "--token"}).paths == Paths{"-r", "--token"});
  CHECK(Parsed({"copy", "\x01x", "a,b", "a=b"}).paths == Paths{"\x01x", "a,b", "a=b"});
}

TEST_CASE("an empty operand names nothing") {
  CHECK(Parsed({"copy", "a", ""}).status == 2);
  CHECK(Parsed({"copy", "--", ""}).status == 2);
  CHECK(Parsed({"copy", "a", "--token", ""}).paths == Paths{"a"});
  CHECK(Parsed({"lock", "a", "--", "sh", ""}).line.child_command() == Paths{"sh", ""});
}

TEST_CASE("options stand before and behind the command") {
  Parsed first({"--json", "--server", "ipc:///x", "copy", "-r", "a"});
  CHECK(first.line.global().json);
  CHECK(first.line.global().server == "ipc:///x");
  CHECK(first.recursive);
  Parsed second({"copy", "a", "--token", "1-2", "--wait", "0.25", "--if-version", "7", "--json"});
  CHECK(second.line.global().json);
  CHECK(second.change.token == "1-2");
  CHECK(second.change.wait == 250ms);
  CHECK(second.change.if_version == 7u);
  CHECK(second.paths == Paths{"a"});
}

TEST_CASE("the environment gives server and token") {
  ::setenv("SLUICE_SERVER", "tcp://h:1", 1);
  ::setenv("SLUICE_LOCK_TOKEN", "3-4", 1);
  Parsed from_environment({"copy", "a"});
  CHECK(from_environment.line.global().server == "tcp://h:1");
  CHECK(from_environment.change.token == "3-4");
  CHECK(Parsed({"copy", "a", "--token", "5-6"}).change.token == "5-6");
  ::unsetenv("SLUICE_SERVER");
  ::unsetenv("SLUICE_LOCK_TOKEN");
  CHECK(Parsed({"copy", "a"}).line.global().server.empty());
}

TEST_CASE("what a lock runs is set apart") {
  Parsed parsed({"lock", "a", "--", "sh", "-c", "--", "[x]"});
  CHECK(parsed.paths == Paths{"a"});
  CHECK(parsed.line.child_command() == Paths{"sh", "-c", "--", "[x]"});
  CHECK(Parsed({"lock", "a"}).line.child_command().empty());
}

TEST_CASE("behind -- everything is an operand") {
  CHECK(Parsed({"list", "--", "a"}).paths == Paths{"a"});
  CHECK(Parsed({"list", "--", "-dd"}).paths == Paths{"-dd"});
  CHECK(Parsed({"list", "--", "--"}).paths == Paths{"--"});
  CHECK(Parsed({"list", "--"}).paths.empty());
  CHECK(Parsed({"list", "--", "--help"}).paths == Paths{"--help"});
  CHECK(Parsed({"list", "--", "list"}).paths == Paths{"list"});
  CHECK(Parsed({"copy", "a", "--", "-r", "--", "[x]"}).paths == Paths{"a", "-r", "--", "[x]"});
  Parsed parsed({"copy", "--token", "--", "--", "--json"});
  CHECK(parsed.change.token == "--");
  CHECK(parsed.paths == Paths{"--json"});
  CHECK_FALSE(parsed.line.global().json);
  CHECK(Parsed({"list", "--", "a", "b"}).status == 2);
}

TEST_CASE("paths of a lock can begin with a dash") {
  Parsed parsed({"lock", "--wait", "1", "--", "-dd", "-e", "--", "sh", "--", "-x"});
  CHECK(parsed.paths == Paths{"-dd", "-e"});
  CHECK(parsed.line.child_command() == Paths{"sh", "--", "-x"});
  // The value of an option is no path.
  CHECK(Parsed({"lock", "--wait", "1", "--", "true"}).status == 2);
  CHECK(Parsed({"lock", "--", "true"}).status == 2);
  CHECK(Parsed({"lock", "a", "--", "-b", "--", "c"}).line.child_command() ==
        Paths{"-b", "--", "c"});
}

TEST_CASE("mistakes end with 2, help with 0") {
  CHECK_FALSE(Parsed({"copy", "a"}).status.has_value());
  // Then it is a shell.
  CHECK_FALSE(Parsed({}).status.has_value());
  CHECK(Parsed({"nonsense"}).status == 2);
  CHECK(Parsed({"copy"}).status == 2);
  CHECK(Parsed({"copy", "--nonsense", "a"}).status == 2);
  CHECK(Parsed({"copy", "a", "--if-version", "-1"}).status == 2);
  CHECK(Parsed({"copy", "a", "--if-version", "x"}).status == 2);
  CHECK(Parsed({"copy", "a", "--if-version=-1"}).status == 2);
  for (const char* seconds : {"x", "-1", "nan", "inf", "86401", "1w", ""})
    CHECK(Parsed({"copy", "a", "--wait", seconds}).status == 2);
  CHECK_FALSE(Parsed({"copy", "a", "--wait", "15m"}).status.has_value());
  CHECK(Parsed({"copy", "a", "--how", "badly"}).status == 2);
  CHECK(Parsed({"copy", "a", "--how", "well"}).how == "well");
  CHECK(Parsed({"lock", "a", "b", "c", "--", "true"}).status == 2);
  CHECK(Parsed({"copy", "--help"}).status == 0);
  CHECK(Parsed({"--help"}).status == 0);
}
