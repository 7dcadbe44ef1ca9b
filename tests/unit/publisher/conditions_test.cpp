// What a commit needs of the tree, also of the tree that the commits before it in the same batch
// leave.
#include "tests/unit/publisher/fixture.hpp"

namespace sluice::tests {
namespace {

protocol::Terms version_is(std::uint64_t version) {
  protocol::Terms terms;
  terms.if_version = version;
  return terms;
}

protocol::Terms absent() {
  protocol::Terms terms;
  terms.if_absent = true;
  return terms;
}

struct Conditions : Fixture {
  Conditions() {
    REQUIRE(start());
    storage.plant("hand", "by hand");
    storage.plant("d/inner", "x");
    storage.plant_other("link");
    REQUIRE(storage.make_directory("empty", {}));
  }
  /// Runs a commit alone: "code path".
  std::string told(Commit commit) {
    send(commit);
    const auto answer = run();
    return code_of(answer) + (answer.path.empty() ? "" : " " + answer.path);
  }
  std::string told_put(const std::string& path, const protocol::Terms& terms = {}) {
    const auto answer = put(path, "new", terms);
    return code_of(answer) + (answer.path.empty() ? "" : " " + answer.path);
  }
  /// The codes of all that was sent.
  std::vector<std::string> together() {
    probe->drained();
    std::vector<std::string> codes;
    while (probe->unexpected() > 0) codes.push_back(code_of(outcome()));
    return codes;
  }
};

TEST_CASE_METHOD(Conditions, "put: parents and kinds") {
  CHECK(told_put("d") == "is_directory d");
  CHECK(told_put("no/a") == "not_found no");
  CHECK(told_put("no/such/a") == "not_found no/such");
  CHECK(told_put("hand/a") == "not_directory hand");
  CHECK(told_put("hand/b/a").substr(0, 13) == "not_directory");
  CHECK(told_put("link") == "not_regular link");
  CHECK(told_put("hand", absent()) == "exists hand");
  CHECK(told_put("new", absent()) == "done");
  Commit gone = put_commit("gone", "x");
  gone.small = false;
  gone.staged = "0000000000000007-none";
  CHECK(told(gone).substr(0, 14) == "unknown_upload");
}

TEST_CASE_METHOD(Conditions, "put: if_version") {
  CHECK(told_put("hand", version_is(1)) == "condition_failed hand");
  CHECK(told_put("none", version_is(0)) == "condition_failed none");
  CHECK(told_put("hand", version_is(0)) == "done");
  const std::uint64_t version = version_at("hand");
  auto answer = put("hand", "x", version_is(version + 1));
  CHECK(answer.detail == "is at version " + std::to_string(version));
  CHECK(put("none", "x", version_is(7)).detail == "does not exist");
  CHECK(told_put("hand", version_is(version)) == "done");
}

TEST_CASE_METHOD(Conditions, "remove") {
  CHECK(told(change(ChangeKind::remove, "none")) == "not_found none");
  CHECK(told(change(ChangeKind::remove, "d")) == "not_empty d");
  CHECK(told(change(ChangeKind::remove, "hand/a")).substr(0, 13) == "not_directory");
  Commit commit = change(ChangeKind::remove, "hand");
  commit.terms = version_is(3);
  CHECK(told(commit) == "condition_failed hand");
  commit.path = "none";
  CHECK(told(commit) == "condition_failed none");
  commit.path = "hand";
  commit.terms = version_is(0);
  CHECK(told(commit) == "done");
  CHECK_FALSE(bytes_at("hand"));
}

TEST_CASE_METHOD(Conditions, "rename") {
  const auto move = [&](const std::string& from, const std::string& to,
                        protocol::Terms terms = {}) {
    Commit commit = change(ChangeKind::rename, from, to);
    commit.terms = terms;
    return told(commit);
  };
  CHECK(move("none", "b") == "not_found none");
  CHECK(move("hand", "d") == "exists d");
  CHECK(move("d", "hand") == "not_directory hand");
  Commit taken_for_a_file = change(ChangeKind::rename, "d", "e");
  taken_for_a_file.recursive = false;
  CHECK(told(taken_for_a_file) == "is_directory d");
  CHECK(move("d", "d/e/f") == "bad_path d/e/f");
  CHECK(move("hand", "no/a") == "not_found no");
  CHECK(move("hand", "d/inner/a") == "not_directory d/inner");
  CHECK(move("hand", "../a").substr(0, 8) == "bad_path");
  CHECK(move("hand", "d/inner", absent()) == "exists d/inner");
  CHECK(move("hand", "x", version_is(4)) == "condition_failed hand");
  CHECK(move("hand", "hand") == "done");
  CHECK(move("d", "d") == "done");
  CHECK(move("hand", "d/inner", version_is(0)) == "done");
  CHECK(bytes_at("d/inner") == "by hand");
}

TEST_CASE_METHOD(Conditions, "make_directory") {
  Commit commit = change(ChangeKind::make_directory, "d");
  CHECK(told(commit) == "exists d");
  commit.parents = true;
  CHECK(told(commit) == "done");
  commit.terms = absent();
  CHECK(told(commit) == "exists d");
  commit = change(ChangeKind::make_directory, "hand");
  commit.parents = true;
  CHECK(told(commit) == "exists hand");
  CHECK(told(change(ChangeKind::make_directory, "p/q/r")) == "not_found p/q");
  commit = change(ChangeKind::make_directory, "p/q/r");
  commit.parents = true;
  commit.missing_parents = {"p", "p/q"};
  CHECK(told(commit) == "done");
  commit.path = "p/q/s";
  CHECK(told(commit) == "done");
  commit.path = "p/q/s/t/u";
  commit.missing_parents = {"p", "p/q", "p/q/s", "p/q/s/t"};
  send(commit);
  CHECK(run().made == std::vector<std::string>{"p/q/s/t", "p/q/s/t/u"});
  send(commit);
  CHECK(run().made.empty());
  commit.missing_parents = {"elsewhere"};
  commit.path = "p/t";
  CHECK(told(commit) == "bad_message elsewhere");
  commit.missing_parents = {"hand"};
  commit.path = "hand/t";
  CHECK(told(commit) == "not_directory hand");
  CHECK(storage.directories() == std::vector<std::string>{"d", "empty", "p", "p/q", "p/q/r",
                                                          "p/q/s", "p/q/s/t", "p/q/s/t/u"});
}

TEST_CASE_METHOD(Conditions, "set_attributes") {
  Commit commit = change(ChangeKind::set_attributes, "none");
  commit.preserve.mode = 0600;
  CHECK(told(commit) == "not_found none");
  commit.path = "hand";
  commit.terms = version_is(9);
  CHECK(told(commit) == "condition_failed hand");
  commit.terms = {};
  CHECK(told(commit) == "done");
  CHECK(storage.stat("hand")->attributes.mode == 0600);
  CHECK(storage.stat("hand")->attributes.version == 0);
}

TEST_CASE_METHOD(Conditions, "a commit sees what the ones before it in its batch do") {
  const std::uint64_t first = send_put("a", "1", absent());
  send_put("a", "2", absent());
  send_put("a", "3", version_is(first));
  send_put("a", "4", version_is(first));
  send(change(ChangeKind::rename, "a", "b"));
  send(change(ChangeKind::remove, "a"));
  send(change(ChangeKind::make_directory, "a"));
  send_put("a/x", "5");
  send_put("b/x", "6");
  send_put("a", "7");
  send(change(ChangeKind::remove, "hand"));
  send(change(ChangeKind::make_directory, "hand"));
  send_put("hand/x", "8");
  send_put("hand/y/z", "9");
  CHECK(together() == std::vector<std::string>{"done", "exists", "done", "condition_failed", "done",
                                               "not_found", "done", "done", "not_directory",
                                               "is_directory", "done", "done", "done",
                                               "not_found"});
  CHECK(publisher->counters().batches == 1);
  CHECK(bytes_at("b") == "3");
  CHECK(bytes_at("a/x") == "5");
  CHECK(bytes_at("hand/x") == "8");
}

TEST_CASE_METHOD(Conditions, "files and directories that take each other's place in one batch") {
  send_put("f", "1");
  send(change(ChangeKind::remove, "f"));
  send_put("f/g", "2");
  send(change(ChangeKind::make_directory, "f"));
  Commit deep = change(ChangeKind::make_directory, "f/g/h");
  deep.parents = true;
  deep.missing_parents = {"f", "f/g"};
  send(deep);
  send_put("f/g/h/i", "3");
  send_put("n", "4");
  send_put("n/m/l", "5");
  CHECK(together() == std::vector<std::string>{"done", "done", "not_found", "done", "done", "done",
                                               "done", "not_directory"});
  CHECK(publisher->counters().batches == 1);
  CHECK(bytes_at("f/g/h/i") == "3");
}

}  // namespace
}  // namespace sluice::tests
