// Publishing: claims, stamps, what is replaced, and doing it again after a crash.
#include <sys/stat.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {
const std::string name = upload_name(7, "0123456789abcdef");

std::uint64_t inode_of(const fs::path& path) {
  struct stat info;
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_ino;
}
}  // namespace

TEST_CASE("claim moves an upload out of staging and tells its inode") {
  Served served;
  served.upload(name, pattern(2 * leaf));
  const auto inode = inode_of(served.own / "staging" / name);
  CHECK(must(served.storage->claim(name, 0xabc)) == inode);
  CHECK(inode_of(served.own / "claimed" / "0000000000000abc") == inode);
  CHECK(fs::exists(served.own / "claimed" / "0000000000000abc.leaves"));
  CHECK(count_in(served.own / "staging") == 0);
  // Again, as after a crash.
  CHECK(must(served.storage->claim(name, 0xabc)) == inode);
  CHECK(must(served.storage->stat_claimed(0xabc)).inode == inode);
  CHECK(code(served.storage->stat_claimed(0xabd)) == Code::unknown_upload);
  must(served.storage->publish_claimed(0xabc, "f", stamp_of(pattern(2 * leaf), 0xabc)));
  CHECK(must(served.storage->stat("f")).inode == inode);
  CHECK(code(served.storage->claim(name, 0xabc)) == Code::unknown_upload);
}

TEST_CASE("an upload whose leaves were lost with the power gets them anew when it is published") {
  Served served;
  const std::string bytes = pattern(20 * leaf + 7);
  const fs::path digests = served.own / "digests" / "0000000000000005";
  served.upload(name, bytes);
  must(served.storage->claim(name, 5));
  fs::remove(served.own / "claimed" / "0000000000000005.leaves");
  const auto verified = [&] { return must(served.storage->verify({"f", 5, 0, 32 * leaf})); };
  SECTION("all at once") {}
  SECTION("after a start that did not get far") {
    write_file(digests, std::string(100, '\0'));
  }
  SECTION("but not from other bytes") {
    std::string other = bytes;
    other.at(leaf) = static_cast<char>(other.at(leaf) ^ 1);
    write_file(served.own / "claimed" / "0000000000000005", other);
    must(served.storage->publish_claimed(5, "f", stamp_of(bytes, 5)));
    CHECK_FALSE(fs::exists(digests));
    CHECK(verified().leaves_missing);
    return;
  }
  must(served.storage->publish_claimed(5, "f", stamp_of(bytes, 5)));
  CHECK(read_file(digests) == protocol::leaves_of(bytes));
  CHECK_FALSE(verified().leaves_missing);
}

TEST_CASE("claimed files are dropped one by one or all at once") {
  Served served;
  for (const std::uint64_t number : {1, 2, 3}) {
    served.upload(name, pattern(2 * leaf));
    must(served.storage->claim(name, number));
  }
  must(served.storage->drop_claimed(2));
  must(served.storage->drop_claimed(2));
  CHECK(served.litter() == 4);
  must(served.storage->drop_claimed(0));
  CHECK(served.litter() == 0);
}

TEST_CASE("what is replaced goes to the trash when it is large") {
  Served served;
  const std::string large = pattern(2 * leaf, 1);
  const std::string small = pattern(leaf, 2);
  CHECK_FALSE(served.put("a", large, 1));
  CHECK(fs::exists(served.own / "digests" / "0000000000000001"));
  CHECK(served.put("a", small, 2));
  CHECK(count_in(served.own / "trash") == 1);
  CHECK_FALSE(served.put("a", large, 3));
  CHECK(served.put_small("a", small, 4));
  CHECK_FALSE(served.put_small("a", "x", 5));
  CHECK(count_in(served.own / "trash") == 2);
  CHECK(read_file(served.tree / "a") == "x");
  CHECK(served.attributes("a").version == 5);
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("a large file by hand is replaced too") {
  Served served;
  write_file(served.tree / "a", pattern(3 * leaf));
  CHECK(served.put_small("a", "x", 2));
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("a crash between trash and replacement leaves the old file whole") {
  Served served;
  const std::string old = pattern(3 * leaf);
  served.put("a", old, 1);
  // The publisher was killed when the old file had its second name already.
  fs::create_hard_link(served.tree / "a",
                       served.own / "trash" / fmt::format("{:016x}", inode_of(served.tree / "a")));
  SECTION("and the trash is emptied first") {
    served.empty_trash();
    CHECK(read_file(served.tree / "a") == old);
    CHECK(fs::exists(served.own / "digests" / "0000000000000001"));
  }
  SECTION("and replay comes first") {}
  served.put_small("a", "x", 2);
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("publishing says why it fails, and can be done again elsewhere") {
  Served served;
  const std::string bytes = pattern(2 * leaf);
  must(served.storage->make_directory("d", {}));
  write_file(served.tree / "file", "x");
  served.upload(name, bytes);
  must(served.storage->claim(name, 5));
  const FileStamp stamp = stamp_of(bytes, 5);
  CHECK(code(served.storage->publish_claimed(5, "missing/f", stamp)) == Code::not_found);
  CHECK(code(served.storage->publish_claimed(5, "d", stamp)) == Code::is_directory);
  CHECK(code(served.storage->publish_claimed(5, "file/f", stamp)) == Code::not_directory);
  CHECK(code(served.storage->publish_claimed(6, "f", stamp)) == Code::unknown_upload);
  CHECK(code(served.storage->publish_claimed(5, "f", stamp_of("other", 5))) == Code::damaged);
  CHECK(fs::exists(served.own / "claimed" / "0000000000000005.leaves"));
  must(served.storage->publish_claimed(5, "d/f", stamp));
  CHECK(read_file(served.own / "digests" / "0000000000000005") == protocol::leaves_of(bytes));

  auto publish = [&](const std::string& path) {
    return served.storage->publish_small(path, stamp_of("x", 7), std::string_view("x"), {});
  };
  CHECK(code(publish("missing/f")) == Code::not_found);
  CHECK(code(publish("d")) == Code::is_directory);
  CHECK(code(publish("file/f")) == Code::not_directory);
  CHECK(code(publish("")) == Code::bad_path);
  CHECK(code(publish("f")) == Code{});
}

TEST_CASE("a claimed file whose leaves are lost is published all the same") {
  Served served;
  const std::string bytes = pattern(2 * leaf);
  served.upload(name, bytes);
  must(served.storage->claim(name, 5));
  fs::remove(served.own / "claimed" / "0000000000000005.leaves");
  must(served.storage->publish_claimed(5, "f", stamp_of(bytes, 5)));
  must(served.storage->open("f", leaf, "s"));
  CHECK(served.read_all("s") == bytes);
}

TEST_CASE("restore writes a file anew") {
  Served served;
  Preserve preserve;
  preserve.mode = 0640;
  preserve.mtime_ns = 9;
  must(served.storage->make_directory("d", {}));
  served.put("a", pattern(2 * leaf), 1);
  must(served.storage->restore("a", std::string_view("hello"), stamp_of("hello", 1), preserve));
  CHECK(read_file(served.tree / "a") == "hello");
  CHECK(served.attributes("a").version == 1);
  CHECK(served.attributes("a").mode == 0640);
  CHECK(served.attributes("a").mtime_ns == 9);
  CHECK(code(served.storage->restore("missing/a", {}, stamp_of("", 2), {})) == Code::not_found);
  CHECK(code(served.storage->restore("d", {}, stamp_of("", 2), {})) == Code::is_directory);
  CHECK(code(served.storage->restore("a/b", {}, stamp_of("", 2), {})) == Code::not_directory);
  CHECK(count_in(served.own / "claimed") == 0);
}

TEST_CASE("replay moves files out of the way and back") {
  Served served;
  const std::string bytes = pattern(3 * leaf);
  served.put("a", bytes, 4);
  const Entry before = must(served.storage->stat("a"));
  must(served.storage->set_aside("a", 4));
  CHECK(code(served.storage->stat("a")) == Code::not_found);
  CHECK(must(served.storage->stat_claimed(4)).attributes == before.attributes);
  must(served.storage->make_directory("d", {}));
  CHECK(code(served.storage->put_back(4, "d")) == Code::is_directory);
  CHECK(code(served.storage->put_back(4, "missing/a")) == Code::not_found);
  CHECK(code(served.storage->put_back(5, "b")) == Code::unknown_upload);
  must(served.storage->put_back(4, "d/b"));
  CHECK(must(served.storage->stat("d/b")).inode == before.inode);
  CHECK(must(served.storage->stat("d/b")).attributes == before.attributes);
  must(served.storage->open("d/b", leaf, "s"));
  CHECK(served.read_all("s") == bytes);
  CHECK(code(served.storage->set_aside("d", 9)) == Code::is_directory);
  CHECK(code(served.storage->set_aside("missing", 9)) == Code::not_found);
  CHECK(code(served.storage->set_aside("d/b/c", 9)) == Code::not_directory);
  must(served.storage->drop_snapshot("s"));
  must(served.storage->set_aside("d/b", 9));
  must(served.storage->drop_claimed(0));
  CHECK(served.litter() == 0);
}

TEST_CASE("a server that is not root publishes what its mode shuts out") {
  TemporaryDirectory directory;
  give_to_nobody(directory.path());
  CHECK(as_nobody([&] {
    auto storage = open_root(directory.path(), Role::server);
    if (!storage) return false;
    bool ok = true;
    for (const std::uint32_t mode : {0444u, 0200u, 0u}) {
      Preserve preserve;
      preserve.mode = mode;
      ok = ok &&
           (*storage)->publish_small("f", stamp_of("x", 1 + mode), std::string_view("x"), preserve);
      const auto opened = (*storage)->open("f", 9, "s");
      ok = ok && opened && opened->attributes.version == 1 + mode &&
           opened->attributes.mode == (mode | 0400);
    }
    return ok;
  }));
}

}  // namespace sluice::storage
