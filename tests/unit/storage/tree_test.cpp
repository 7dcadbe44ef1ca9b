// Looking at the tree: attributes, pages of a directory, and what hostile hands may have put there.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <map>
#include <set>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;
using protocol::EntryKind;

TEST_CASE("stat tells what was stored") {
  Served served;
  Preserve preserve;
  preserve.mode = 0640;
  preserve.mtime_ns = 1'234'567'890'123'456'789;
  served.put_small("a", "hello", 42, preserve);
  const Entry entry = must(served.storage->stat("a"));
  CHECK(entry.attributes.kind == EntryKind::file);
  CHECK(entry.attributes.size_bytes == 5);
  CHECK(entry.attributes.mode == 0640);
  CHECK(entry.attributes.mtime_ns == 1'234'567'890'123'456'789);
  CHECK(entry.attributes.version == 42);
  CHECK(entry.attributes.root == staged_of("hello").root);
  struct stat info;
  REQUIRE(::stat((served.tree / "a").c_str(), &info) == 0);
  CHECK(entry.inode == info.st_ino);
}

TEST_CASE("stat of files put there by hand, of directories and of the root") {
  Served served;
  write_file(served.tree / "by_hand", "abc");
  CHECK(served.attributes("by_hand").version == 0);
  CHECK_FALSE(served.attributes("by_hand").root);
  must(served.storage->make_directory("d", {}));
  CHECK(served.attributes("d").kind == EntryKind::directory);
  CHECK(served.attributes("d").size_bytes == 0);
  CHECK(served.attributes("").kind == EntryKind::directory);
}

TEST_CASE("stat says why it fails") {
  Served served;
  write_file(served.tree / "file", "x");
  CHECK(code(served.storage->stat("missing")) == Code::not_found);
  CHECK(code(served.storage->stat("missing/below")) == Code::not_found);
  CHECK(code(served.storage->stat("file/below")) == Code::not_directory);
  CHECK(code(served.storage->stat(std::string(256, 'n'))) == Code::bad_path);
  CHECK(served.storage->stat("missing").error().path == "missing");
}

TEST_CASE("stat shows the size that is there, open finds the damage") {
  Served served;
  served.put_small("a", "hello", 3);
  fs::resize_file(served.tree / "a", 2);
  CHECK(served.attributes("a").size_bytes == 2);
  CHECK(served.attributes("a").version == 3);
  CHECK(code(served.storage->open("a", 100, "s")) == Code::damaged);
  CHECK(code(served.storage->stage_copy("a", "0000000000000001-c")) == Code::damaged);
}

TEST_CASE("links and special files are neither read nor followed") {
  Served served;
  TemporaryDirectory outside;
  write_file(outside.path() / "secret", "secret");
  must(served.storage->make_directory("d", {}));
  write_file(served.tree / "d" / "f", "x");
  fs::create_symlink("d/f", served.tree / "link");
  fs::create_directory_symlink("d", served.tree / "dlink");
  fs::create_directory_symlink(outside.path(), served.tree / "out");
  fs::create_directory_symlink("..", served.tree / "up");
  REQUIRE(::mkfifo((served.tree / "fifo").c_str(), 0644) == 0);
  for (const std::string path : {"link", "dlink", "out", "up", "fifo"}) {
    INFO(path);
    CHECK(code(served.storage->stat(path)) == Code::not_regular);
    CHECK(code(served.storage->open(path, 100, "s")) == Code::not_regular);
    CHECK(code(served.storage->stage_copy(path, "0000000000000001-c")) == Code::not_regular);
    CHECK(code(served.storage->set_attributes(path, {})) == Code::not_regular);
  }
  for (const std::string path : {"dlink/f", "out/secret", "up/x", "out/new"}) {
    INFO(path);
    CHECK(code(served.storage->stat(path)) == Code::not_regular);
    CHECK(code(served.storage->open(path, 100, "s")) == Code::not_regular);
    CHECK(code(served.storage->remove(path, true)) == Code::not_regular);
    CHECK(code(served.storage->rename("d/f", path)) == Code::not_regular);
    CHECK(code(served.storage->make_directory(path, {})) == Code::not_regular);
    CHECK(code(served.storage->restore(path, std::string_view("y"), stamp_of("y", 9), {})) ==
          Code::not_regular);
  }
  CHECK(read_file(outside.path() / "secret") == "secret");
  CHECK(count_in(outside.path()) == 1);
  CHECK(served.litter() == 0);
}

TEST_CASE("a socket is not served") {
  Served served;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = served.tree / "s";
  REQUIRE(path.size() < sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(code(served.storage->open("s", 100, "x")) == Code::not_regular);
  CHECK(code(served.storage->stat("s")) == Code::not_regular);
  ::close(fd);
}

TEST_CASE("no path reaches above the root or into the server's own directory") {
  Served served;
  for (const std::string path :
       {"..", "../x", "a/../../x", "/etc/passwd", ".sluice/x", "", "a//b"}) {
    INFO(path);
    CHECK(code(served.storage->remove(path, true)) == Code::bad_path);
    CHECK(code(served.storage->make_directory(path, {})) == Code::bad_path);
    CHECK(code(served.storage->rename(path, "x")) == Code::bad_path);
  }
  CHECK(code(served.storage->stat("../x")) != Code{});
  CHECK(code(served.storage->stat("/etc/passwd")) != Code{});
  CHECK(code(served.storage->open("../../etc/passwd", 100, "s")) != Code{});
}

TEST_CASE("list shows names and kinds, and with details the rest") {
  Served served;
  served.put_small("a", "hello", 9);
  must(served.storage->make_directory("d", {}));
  fs::create_symlink("nowhere", served.tree / "link");
  REQUIRE(::mkfifo((served.tree / "fifo").c_str(), 0644) == 0);
  write_file(served.tree / "not \xff utf-8", "x");
  for (const bool details : {false, true}) {
    const auto page = must(served.storage->list({"", 0, 0, details}));
    CHECK(page.next_cookie == 0);
    std::map<std::string, Attributes> seen;
    for (const auto& entry : page.entries) seen[entry.name] = entry.attributes;
    REQUIRE(seen.size() == 4);
    CHECK(seen.at("a").kind == EntryKind::file);
    CHECK(seen.at("d").kind == EntryKind::directory);
    CHECK(seen.at("link").kind == EntryKind::other);
    CHECK(seen.at("fifo").kind == EntryKind::other);
    CHECK(seen.at("a").version == (details ? 9 : 0));
    CHECK(seen.at("a").size_bytes == (details ? 5 : 0));
    CHECK(seen.at("a").mode == (details ? 0644 : 0));
  }
}

TEST_CASE("'.sluice' is hidden in the root and nowhere else") {
  Served served;
  must(served.storage->make_directory("d", {}));
  must(served.storage->make_directory("d/.sluice", {}));
  CHECK(must(served.storage->list({"d", 0, 0, false})).entries.size() == 1);
  const auto root = must(served.storage->list({"", 0, 0, true}));
  REQUIRE(root.entries.size() == 1);
  CHECK(root.entries[0].name == "d");
}

TEST_CASE("list says why it fails") {
  Served served;
  write_file(served.tree / "file", "x");
  CHECK(code(served.storage->list({"missing", 0, 0, false})) == Code::not_found);
  CHECK(code(served.storage->list({"file", 0, 0, false})) == Code::not_directory);
  CHECK(code(served.storage->list({"", ~0ull, 0, false})) == Code::bad_message);
}

TEST_CASE("pages show each of 5,000 names once while others come") {
  Served served;
  must(served.storage->make_directory("d", {}));
  for (int i = 0; i < 5'000; ++i) write_file(served.tree / "d" / std::to_string(i), "");
  std::multiset<std::string> seen;
  std::uint64_t cookie = 0;
  int pages = 0;
  do {
    const auto page =
        must(served.storage->list({"d", cookie, pages % 2 ? 700u : 0u, pages % 3 == 0}));
    CHECK(page.entries.size() <= (pages % 2 ? 700 : protocol::limits::list_entries));
    for (const auto& entry : page.entries) seen.insert(entry.name);
    cookie = page.next_cookie;
    for (int i = 0; i < 200; ++i)
      write_file(served.tree / "d" / ("new-" + std::to_string(pages) + "-" + std::to_string(i)),
                 "");
    REQUIRE(++pages < 40);
  } while (cookie != 0);
  int old = 0;
  for (const auto& name : std::set<std::string>(seen.begin(), seen.end())) {
    CHECK(seen.count(name) == 1);
    old += name.find("new") == std::string::npos;
  }
  CHECK(old == 5'000);
}

TEST_CASE("a prefix is looked for in bounded steps") {
  Served served;
  must(served.storage->make_directory("d", {}));
  const std::size_t others = protocol::limits::list_scan + 100;
  for (std::size_t i = 0; i < others; ++i) write_file(served.tree / "d" / std::to_string(i), "");
  for (const std::string name : {"run", "run-1", "run-2", "Run-3", "ru"})
    write_file(served.tree / "d" / name, "");
  std::set<std::string> seen;
  protocol::List wanted{.path = "d", .prefix = "run"};
  int pages = 0;
  do {
    const auto page = must(served.storage->list(wanted));
    for (const auto& entry : page.entries) CHECK(seen.insert(entry.name).second);
    wanted.cookie = page.next_cookie;
    ++pages;
  } while (wanted.cookie != 0);
  CHECK(pages == 2);
  CHECK(seen == std::set<std::string>{"run", "run-1", "run-2"});
  wanted = {.path = "d", .max_entries = 2, .prefix = "run-"};
  std::size_t found = 0;
  do {
    const auto page = must(served.storage->list(wanted));
    CHECK(page.entries.size() <= 2);
    found += page.entries.size();
    wanted.cookie = page.next_cookie;
  } while (wanted.cookie != 0);
  CHECK(found == 2);
  CHECK(must(served.storage->list({.path = "", .prefix = ".sluice"})).entries.empty());
  CHECK(must(served.storage->list({.path = "", .prefix = "d/"})).entries.empty());
}

TEST_CASE("a page of the longest names fits into one body") {
  Served served;
  const std::string end(protocol::limits::name_bytes - 4, 'n');
  for (int i = 1'000; i < 2'010; ++i)
    must(served.storage->restore(std::to_string(i) + end, {}, stamp_of("", 1ull << 62), {}));
  const auto page = must(served.storage->list({"", 0, 0, true}));
  CHECK(page.entries.size() == protocol::limits::list_entries);
  CHECK(page.next_cookie != 0);
  CHECK(protocol::encode(page).size() < protocol::limits::body_bytes);
}

}  // namespace sluice::storage
