// The rules of cp and scp for where copies go.
#include "client/shell/target.hpp"

#include "sluice/error.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::shell;
using Paths = std::vector<std::string>;

namespace {

std::string code_of(const Paths& sources, const std::string& typed, Found found) {
  try {
    targets_of(sources, typed, remote_path(typed), found);
  } catch (const sluice::Error& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("remote paths lose slashes at the end and nothing else") {
  CHECK(remote_path("") == "");
  CHECK(remote_path(".") == "");
  CHECK(remote_path("./") == "");
  CHECK(remote_path("a/b//") == "a/b");
  CHECK(remote_path("a/b/.") == "a/b");
  CHECK(remote_path("a/././") == "a");
  CHECK(remote_path("/") == "/");
  CHECK(remote_path("//") == "/");
  CHECK(remote_path("/a/") == "/a");
  CHECK(remote_path("../a") == "../a");
  CHECK(remote_path("a//b") == "a//b");
}

TEST_CASE("base names") {
  CHECK(base_name("a/b") == "b");
  CHECK(base_name("a/b/") == "b");
  CHECK(base_name("b") == "b");
  CHECK(base_name(".") == "");
  CHECK(base_name("a/..") == "");
  CHECK(base_name("/") == "");
  CHECK(base_name("") == "");
  CHECK(base_name(".profile") == ".profile");
}

TEST_CASE("joining") {
  CHECK(joined("a", "b") == "a/b");
  CHECK(joined("", "b") == "b");
  CHECK(joined("a", "") == "a");
  CHECK(joined("/", "b") == "/b");
}

TEST_CASE("one source goes to the name given, or into a directory") {
  CHECK(targets_of({"x/f"}, "t", "t", Found::nothing) == Paths{"t"});
  CHECK(targets_of({"x/f"}, "t", "t", Found::other) == Paths{"t"});
  CHECK(targets_of({"x/f"}, "t", "t", Found::directory) == Paths{"t/f"});
  CHECK(targets_of({"x/f"}, "t/", "t", Found::directory) == Paths{"t/f"});
  // The server then says that there is no directory t.
  CHECK(targets_of({"x/f"}, "t/", "t", Found::nothing) == Paths{"t/f"});
  CHECK(targets_of({"x/f"}, ".", "", Found::directory) == Paths{"f"});
  CHECK(targets_of({"."}, "t", "t", Found::directory) == Paths{"t"});
  CHECK(code_of({"x/f"}, "t/", Found::other) == "not_directory");
}

TEST_CASE("several sources need a directory and names of their own") {
  CHECK(targets_of({"f", "g/"}, "t", "t", Found::directory) == Paths{"t/f", "t/g"});
  CHECK(code_of({"f", "g"}, "t", Found::nothing) == "not_directory");
  CHECK(targets_of({"f", "g"}, "t/", "t", Found::nothing) == Paths{"t/f", "t/g"});
  CHECK(code_of({"f", "g"}, "t", Found::other) == "not_directory");
  CHECK(code_of({"a/f", "b/f"}, "t", Found::directory) == "usage");
}

TEST_CASE("a name that a server sent leads nowhere else, and can be one") {
  CHECK(is_plain_name("a"));
  CHECK(is_plain_name("..."));
  CHECK(is_plain_name(std::string(255, 'a')));
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/"),
        std::string("a\0b", 3), std::string(256, 'a')})
    CHECK_FALSE(is_plain_name(name));
}

TEST_CASE("what a get has left is told by its name") {
  CHECK(is_left_by_get(".sluice-0123456789abcdef"));
  CHECK(is_left_by_get(".file.sluice-part.0123456789abcdef"));
  for (const char* name :
       {"", "file", ".sluice", ".sluice-", ".sluice-0123456789abcde", ".sluice-0123456789abcdeg",
        ".sluice-0123456789ABCDEF", "a.sluice-0123456789abcdef", ".a.sluice-0123456789abcdef",
        "file.sluice-part.0123456789abcdef", ".file.sluice-part.0123456789abcdef.txt",
        "0123456789abcdef"})
    CHECK_FALSE(is_left_by_get(name));
}
