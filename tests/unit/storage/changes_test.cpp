// Removing, renaming, making directories, setting attributes.
#include <sys/stat.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("remove unlinks small files and throws large ones into the trash") {
  Served served;
  served.put_small("small", "x", 1);
  served.put("large", pattern(2 * leaf), 2);
  CHECK_FALSE(must(served.storage->remove("small", false)));
  CHECK(must(served.storage->remove("large", false)));
  CHECK(code(served.storage->remove("small", false)) == Code::not_found);
  CHECK(code(served.storage->remove("large", true)) == Code::not_found);
  CHECK(count_in(served.own / "trash") == 1);
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("remove of directories") {
  Served served;
  must(served.storage->make_directory("d", {}));
  must(served.storage->make_directory("d/e", {}));
  CHECK(code(served.storage->remove("d", false)) == Code::not_empty);
  CHECK_FALSE(must(served.storage->remove("d/e", false)));
  must(served.storage->make_directory("d/e", {}));
  CHECK_FALSE(must(served.storage->remove("d/e", true)));
  served.put("d/large", pattern(2 * leaf), 2);
  CHECK(must(served.storage->remove("d", true)));
  CHECK_FALSE(fs::exists(served.tree / "d"));
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("links and special files may be removed and renamed, not followed") {
  Served served;
  TemporaryDirectory outside;
  write_file(outside.path() / "kept", "x");
  fs::create_directory_symlink(outside.path(), served.tree / "link");
  REQUIRE(::mkfifo((served.tree / "fifo").c_str(), 0644) == 0);
  must(served.storage->rename("link", "moved"));
  must(served.storage->rename("fifo", "moved_fifo"));
  CHECK(fs::is_symlink(served.tree / "moved"));
  CHECK(fs::is_fifo(served.tree / "moved_fifo"));
  served.put_small("moved_fifo", "now a file", 3);
  CHECK(read_file(served.tree / "moved_fifo") == "now a file");
  CHECK_FALSE(must(served.storage->remove("moved", true)));
  CHECK(fs::exists(outside.path() / "kept"));
}

TEST_CASE("rename moves files and directories") {
  Served served;
  must(served.storage->make_directory("d", {}));
  served.put_small("a", "hello", 4);
  const auto before = must(served.storage->stat("a"));
  CHECK_FALSE(must(served.storage->rename("a", "d/b")));
  CHECK(must(served.storage->stat("d/b")).inode == before.inode);
  CHECK(must(served.storage->stat("d/b")).attributes == before.attributes);
  CHECK_FALSE(must(served.storage->rename("d", "e")));
  CHECK(read_file(served.tree / "e" / "b") == "hello");
  CHECK_FALSE(must(served.storage->rename("e/b", "e/b")));
  CHECK_FALSE(must(served.storage->rename("e", "e")));
  CHECK(read_file(served.tree / "e" / "b") == "hello");
}

TEST_CASE("rename replaces files, the large ones by way of the trash") {
  Served served;
  served.put_small("a", "a", 1);
  served.put_small("b", "b", 2);
  served.put("large", pattern(2 * leaf), 3);
  CHECK_FALSE(must(served.storage->rename("a", "b")));
  CHECK(read_file(served.tree / "b") == "a");
  CHECK(must(served.storage->rename("b", "large")));
  CHECK(read_file(served.tree / "large") == "a");
  CHECK(served.attributes("large").version == 1);
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("rename of one name of a file onto another leaves one") {
  Served served;
  served.put_small("a", "a", 1);
  fs::create_hard_link(served.tree / "a", served.tree / "b");
  CHECK_FALSE(must(served.storage->rename("a", "b")));
  CHECK_FALSE(fs::exists(served.tree / "a"));
  CHECK(read_file(served.tree / "b") == "a");
}

TEST_CASE("rename says why it fails") {
  Served served;
  must(served.storage->make_directory("d", {}));
  must(served.storage->make_directory("d/e", {}));
  must(served.storage->make_directory("empty", {}));
  write_file(served.tree / "file", "x");
  CHECK(code(served.storage->rename("missing", "x")) == Code::not_found);
  CHECK(code(served.storage->rename("file", "missing/x")) == Code::not_found);
  CHECK(code(served.storage->rename("file", "d")) == Code::exists);
  CHECK(code(served.storage->rename("file", "file/x")) == Code::not_directory);
  CHECK(code(served.storage->rename("d", "empty")) == Code::exists);
  CHECK(code(served.storage->rename("d/e", "d")) == Code::exists);
  CHECK(code(served.storage->rename("d", "file")) == Code::not_directory);
  CHECK(code(served.storage->rename("d", "d/e/f")) == Code::bad_path);
  CHECK(code(served.storage->rename("d", "")) == Code::bad_path);
  CHECK(code(served.storage->rename("file", std::string(256, 'n'))) == Code::bad_path);
  CHECK(served.storage->rename("file", "d").error().path == "d");
  CHECK(fs::exists(served.tree / "d" / "e"));
  CHECK(read_file(served.tree / "file") == "x");
}

TEST_CASE("make_directory") {
  Served served;
  Preserve preserve;
  preserve.mode = 01777;
  preserve.mtime_ns = 5;
  must(served.storage->make_directory("a", {}));
  must(served.storage->make_directory("b", preserve));
  CHECK(served.attributes("a").mode == 0755);
  CHECK(served.attributes("b").mode == 01777);
  CHECK(served.attributes("b").mtime_ns == 5);
  write_file(served.tree / "file", "x");
  CHECK(code(served.storage->make_directory("a", {})) == Code::exists);
  CHECK(code(served.storage->make_directory("file", {})) == Code::exists);
  CHECK(code(served.storage->make_directory("file/x", {})) == Code::not_directory);
  CHECK(code(served.storage->make_directory("missing/x", {})) == Code::not_found);
}

TEST_CASE("the longest names and deepest paths") {
  Served served;
  const std::string longest(protocol::limits::name_bytes, 'n');
  must(served.storage->make_directory(longest, {}));
  served.put(longest + "/" + longest, pattern(2 * leaf), 5);
  CHECK(served.attributes(longest + "/" + longest).version == 5);
  must(served.storage->open(longest + "/" + longest, 0, "s"));
  must(served.storage->drop_snapshot("s"));
  CHECK(must(served.storage->remove(longest, true)));
  std::string path = "d";
  must(served.storage->make_directory(path, {}));
  while (path.size() + 2 <= 2 * protocol::limits::path_depth - 1)
    must(served.storage->make_directory(path += "/d", {}));
  CHECK(served.attributes(path).kind == protocol::EntryKind::directory);
  CHECK(code(served.storage->make_directory(path + "/d", {})) == Code::bad_path);
}

TEST_CASE("set_attributes changes mode and time and keeps the version") {
  Served served;
  served.put_small("a", "x", 4);
  must(served.storage->make_directory("d", {}));
  for (const std::string path : {"a", "d"}) {
    Preserve mode;
    mode.mode = 0700;
    Preserve time;
    time.mtime_ns = 123;
    must(served.storage->set_attributes(path, mode));
    must(served.storage->set_attributes(path, time));
    CHECK(served.attributes(path).mode == 0700);
    CHECK(served.attributes(path).mtime_ns == 123);
  }
  CHECK(served.attributes("a").version == 4);
  CHECK(code(served.storage->set_attributes("missing", {})) == Code::not_found);
  CHECK(code(served.storage->set_attributes("a/x", {})) == Code::not_directory);
}

TEST_CASE("changes in a directory that may not be written are denied") {
  Served served;
  must(served.storage->make_directory("d", {}));
  served.put_small("d/a", "x", 1);
  served.put("d/large", pattern(2 * leaf), 2);
  fs::permissions(served.tree / "d", fs::perms::owner_read | fs::perms::owner_exec);
  give_to_nobody(served.tree);
  CHECK(as_nobody([&] {
    PosixStorage& storage = *served.storage;
    auto denied = [](const auto& result) { return !result && result.error().code == Code::denied; };
    return denied(storage.remove("d/a", false)) && denied(storage.remove("d/large", false)) &&
           denied(storage.rename("d/a", "b")) && denied(storage.make_directory("d/x", {})) &&
           denied(storage.restore("d/a", {}, stamp_of("", 3), {})) &&
           denied(storage.remove("d", true));
  }));
  fs::permissions(served.tree / "d", fs::perms::owner_all);
  CHECK(read_file(served.tree / "d" / "a") == "x");
  CHECK(count_in(served.own / "claimed") == 0);
}

TEST_CASE("sync_tree") {
  Served served;
  served.put_small("a", "x", 1);
  CHECK(code(served.storage->sync_tree()) == Code{});
}

}  // namespace sluice::storage
