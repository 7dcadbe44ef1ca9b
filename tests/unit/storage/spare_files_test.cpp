// Replaced small files that are written over: when, and when not.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {

constexpr const char* old_bytes = "what was there before";

/// A file "a" whose earlier bytes are a spare, synced.
struct Replaced {
  Served served;
  std::uint64_t inode = 0;
  Descriptor held;

  explicit Replaced(const std::function<void(const fs::path&)>& meanwhile = {}) {
    must(served.storage->make_directory("d", {}));
    served.put_small("a", old_bytes, 1, {.mode = 0755, .mtime_ns = 5});
    inode = must(served.storage->stat("a")).inode;
    if (meanwhile) meanwhile(served.tree / "a");
    served.put_small("a", "first", 2);
  }
  void sync() {
    served.storage->sync_begins();
    must(served.storage->sync_tree());
    served.storage->sync_ended();
  }
  std::size_t spares() const { return count_in(served.own / "spare"); }
  bool is_used_for(const std::string& path) {
    return must(served.storage->stat(path)).inode == inode;
  }
};

}  // namespace

TEST_CASE("a replaced small file is written over once it is synced") {
  Replaced replaced;
  Served& served = replaced.served;
  CHECK(replaced.spares() == 1);
  CHECK(read_file(served.tree / "a") == "first");
  served.put_small("d/b", "before the sync", 3);
  CHECK_FALSE(replaced.is_used_for("d/b"));
  replaced.sync();
  served.put_small("d/c", "short", 4);
  CHECK(replaced.is_used_for("d/c"));
  CHECK(replaced.spares() == 0);
  CHECK(read_file(served.tree / "d" / "c") == "short");
  CHECK(served.attributes("d/c").version == 4);
  CHECK(served.attributes("d/c").mode == 0644);
  CHECK(served.attributes("d/c").mtime_ns != 5);
  CHECK(served.attributes("d/c").root == staged_of("short").root);
}

TEST_CASE("what was replaced since a sync began is not synced by it") {
  Replaced replaced;
  Served& served = replaced.served;
  served.storage->sync_begins();
  served.put_small("a", "second", 3);
  served.storage->sync_ended();
  CHECK(replaced.spares() == 2);
  served.put_small("a", "third", 4);
  CHECK(replaced.is_used_for("a"));
  served.put_small("a", "fourth", 5);
  CHECK(replaced.spares() == 3);
}

TEST_CASE("a file that somebody else still knows is not written over") {
  int fd = -1;
  const auto meanwhile = [&](const fs::path& path) {
    SECTION("open for reading") {
      fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      REQUIRE(fd >= 0);
    }
    SECTION("another name") {
      fs::create_hard_link(path, path.parent_path() / "link");
      fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    }
    SECTION("attributes of its own") {
      if (::setxattr(path.c_str(), "user.other", "x", 1, 0) != 0) FAIL("no attributes here");
      fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    }
  };
  Replaced replaced(meanwhile);
  replaced.sync();
  replaced.served.put_small("b", "other", 3);
  CHECK_FALSE(replaced.is_used_for("b"));
  CHECK(replaced.spares() == 0);
  std::string bytes(100, '\0');
  const ssize_t size = ::pread(fd, bytes.data(), bytes.size(), 0);
  CHECK(bytes.substr(0, static_cast<std::size_t>(size)) == old_bytes);
  ::close(fd);
}

TEST_CASE("a file with a label of somebody else's, closed by all, is not written over") {
  Replaced replaced([](const fs::path& path) {
    REQUIRE(::setxattr(path.c_str(), "user.other", "x", 1, 0) == 0);
  });
  replaced.sync();
  replaced.served.put_small("b", "other", 3);
  CHECK(replaced.spares() == 0);
  char value[4];
  CHECK(::getxattr((replaced.served.tree / "b").c_str(), "user.other", value, sizeof value) < 0);
}

TEST_CASE("whoever keeps a replaced file open learns that it is replaced") {
  int fd = -1;
  struct stat before {};
  Replaced replaced([&](const fs::path& path) {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::fstat(fd, &before) == 0);
    ::usleep(20'000);
  });
  struct stat after {};
  REQUIRE(::fstat(fd, &after) == 0);
  CHECK(std::pair(after.st_ctim.tv_sec, after.st_ctim.tv_nsec) !=
        std::pair(before.st_ctim.tv_sec, before.st_ctim.tv_nsec));
  ::close(fd);
}

TEST_CASE("a directory and a large file that are in the way are treated as ever") {
  Served served;
  must(served.storage->make_directory("d", {}));
  served.put_small("d/x", "x", 1);
  CHECK(code(served.storage->publish_small("d", stamp_of("y", 2), std::string_view("y"), {})) ==
        Code::is_directory);
  CHECK(read_file(served.tree / "d" / "x") == "x");
  served.put("large", pattern(3 * leaf), 3);
  CHECK(must(served.storage->publish_small("large", stamp_of("y", 4), std::string_view("y"), {})));
  CHECK(read_file(served.tree / "large") == "y");
  served.empty_trash();
  CHECK(served.litter() == 0);
  CHECK(count_in(served.own / "spare") == 0);
}

TEST_CASE("the next server takes the spares over, after another boot it does not") {
  Replaced replaced;
  Served& served = replaced.served;
  replaced.sync();
  served.storage.reset();
  bool same_boot = true;
  SECTION("the same boot") {}
  SECTION("another") {
    same_boot = false;
    write_file(served.own / "boot", "another");
  }
  served.storage = must(open_root(served.tree, Role::server));
  CHECK(replaced.spares() == (same_boot ? 1 : 0));
  if (!same_boot) return;
  served.put_small("b", "before a sync of this server", 3);
  CHECK_FALSE(replaced.is_used_for("b"));
  replaced.sync();
  served.put_small("c", "after", 4);
  CHECK(replaced.is_used_for("c"));
}

}  // namespace sluice::storage
