// Replaced small files that are written over: when, and when not.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <ctime>
#include <thread>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {

constexpr const char* old_bytes = "what was there before";

/// A root whose spares need no rest.
struct Restless : Served {
  Restless() { open(); }
  void open(std::chrono::milliseconds rest = {}) {
    storage.reset();
    storage = std::make_unique<PosixStorage>(must(prepare_root(tree, Role::server)), rest);
    must(storage->adopt_spares());
  }
};

/// What a checkpoint does.
void sync(Served& served) {
  served.storage->sync_begins();
  must(served.storage->sync_tree());
  served.storage->sync_ended();
}

/// A file "a" whose earlier bytes are a spare, synced.
struct Replaced {
  Restless served;
  std::uint64_t inode = 0;
  Descriptor held;

  explicit Replaced(const std::function<void(const fs::path&)>& meanwhile = {}) {
    must(served.storage->make_directory("d", {}));
    served.put_small("a", old_bytes, 1, {.mode = 0755, .mtime_ns = 5});
    inode = must(served.storage->stat("a")).inode;
    if (meanwhile) meanwhile(served.tree / "a");
    served.put_small("a", "first", 2);
  }
  void sync() { storage::sync(served); }
  std::size_t spares() const { return count_in(served.own / "spare"); }
  bool is_used_for(const std::string& path) {
    return must(served.storage->stat(path)).inode == inode;
  }
};

}  // namespace

TEST_CASE("a replaced small file is written over once it is synced") {
  Replaced replaced;
  Restless& served = replaced.served;
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
  Restless& served = replaced.served;
  served.storage->sync_begins();
  served.put_small("a", "second", 3);
  served.storage->sync_ended();
  CHECK(replaced.spares() == 2);
  served.put_small("a", "third", 4);
  CHECK(replaced.is_used_for("a"));
  served.put_small("a", "fourth", 5);
  CHECK(replaced.spares() == 3);
}

TEST_CASE("a file that somebody has open is not written over") {
  int fd = -1;
  Replaced replaced([&](const fs::path& path) { fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  REQUIRE(fd >= 0);
  replaced.sync();
  replaced.served.put_small("b", "other", 3);
  CHECK(replaced.spares() == 0);
  std::string bytes(100, '\0');
  const ssize_t size = ::pread(fd, bytes.data(), bytes.size(), 0);
  CHECK(bytes.substr(0, static_cast<std::size_t>(size)) == old_bytes);
  ::close(fd);
}

TEST_CASE("a file with another name is not written over") {
  bool before = true;
  SECTION("made before it is replaced") {}
  SECTION("made after") {
    before = false;
  }
  fs::path tree;
  const auto link = [&](const fs::path& path) { fs::create_hard_link(path, tree / "link"); };
  Replaced replaced([&](const fs::path& path) {
    tree = path.parent_path();
    if (before) link(path);
  });
  CHECK(replaced.spares() == (before ? 0 : 1));
  if (!before)
    for (const auto& spare : fs::directory_iterator(replaced.served.own / "spare"))
      link(spare.path());
  replaced.sync();
  replaced.served.put_small("b", "other", 3);
  CHECK(replaced.spares() == 0);
  CHECK(read_file(tree / "link") == old_bytes);
}

TEST_CASE("a file with a label of somebody else's is not written over") {
  Replaced replaced([](const fs::path& path) {
    REQUIRE(::setxattr(path.c_str(), "user.other", "x", 1, 0) == 0);
  });
  replaced.sync();
  replaced.served.put_small("b", "other", 3);
  CHECK(replaced.spares() == 0);
  char value[4];
  CHECK(::getxattr((replaced.served.tree / "b").c_str(), "user.other", value, sizeof value) < 0);
}

TEST_CASE("a file of another group is not kept") {
  if (::geteuid() != 0) return;
  Replaced replaced([](const fs::path& path) {
    REQUIRE(::chown(path.c_str(), static_cast<uid_t>(-1), nobody) == 0);
  });
  CHECK(replaced.spares() == 0);
}

TEST_CASE("a large file that was cut off by hand is not written over, and its leaves go") {
  Restless served;
  served.put("a", pattern(2 * leaf), 1);
  fs::resize_file(served.tree / "a", 10);
  served.put_small("a", "x", 2);
  sync(served);
  served.put_small("b", "y", 3);
  CHECK(served.litter() == 0);
  CHECK(count_in(served.own / "spare") == 0);
}

TEST_CASE("a relaxed put gets a new file") {
  Replaced replaced;
  replaced.sync();
  must(replaced.served.storage->publish_small("b", stamp_of("x", 3), std::string_view("x"), {},
                                              true));
  CHECK_FALSE(replaced.is_used_for("b"));
  CHECK(replaced.spares() == 1);
}

TEST_CASE("a spare rests for a while") {
  Replaced replaced;
  replaced.served.open(std::chrono::hours(1));
  replaced.sync();
  replaced.served.put_small("b", "x", 3);
  CHECK_FALSE(replaced.is_used_for("b"));
  CHECK(replaced.spares() == 1);
}

TEST_CASE("an empty file over an empty one has a time of its own") {
  Restless served;
  served.put_small("a", "", 1, {.mode = {}, .mtime_ns = 5});
  served.put_small("a", "", 2);
  sync(served);
  served.put_small("b", "", 3);
  CHECK(count_in(served.own / "spare") == 0);
  CHECK(served.attributes("b").mtime_ns > 5);
}

TEST_CASE("who needs the room removes the spares, and puts go on with new files") {
  Replaced replaced;
  replaced.sync();
  const auto root = must(prepare_root(replaced.served.tree, Role::worker));
  CHECK(remove_spares(*root));
  CHECK_FALSE(remove_spares(*root));
  replaced.served.put_small("b", "other", 3);
  CHECK(read_file(replaced.served.tree / "b") == "other");
}

TEST_CASE("whoever keeps a replaced file open learns that it is replaced") {
  int fd = -1;
  struct stat before {};
  Replaced replaced([&](const fs::path& path) {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::fstat(fd, &before) == 0);
    // A change in the same tick of the clock would have the same time.
    const auto ticked = [&] {
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
      return std::pair(now.tv_sec, now.tv_nsec) >
             std::pair(before.st_ctim.tv_sec, before.st_ctim.tv_nsec);
    };
    while (!ticked()) std::this_thread::yield();
  });
  struct stat after {};
  REQUIRE(::fstat(fd, &after) == 0);
  CHECK(std::pair(after.st_ctim.tv_sec, after.st_ctim.tv_nsec) !=
        std::pair(before.st_ctim.tv_sec, before.st_ctim.tv_nsec));
  ::close(fd);
}

TEST_CASE("whoever watches the directory is told that a replaced file is there") {
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  REQUIRE(watch >= 0);
  Replaced replaced([&](const fs::path& path) {
    REQUIRE(::inotify_add_watch(watch, path.parent_path().c_str(), IN_ALL_EVENTS) >= 0);
  });
  alignas(inotify_event) char events[4096];
  const ssize_t size = ::read(watch, events, sizeof events);
  ::close(watch);
  REQUIRE(size > 0);
  std::uint32_t last = 0;
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(events + at);
    if (event->len > 0 && std::string(event->name) == "a") last = event->mask;
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  CHECK(last == IN_MOVED_TO);
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
  Restless& served = replaced.served;
  replaced.sync();
  bool same_boot = true;
  SECTION("the same boot") {}
  SECTION("another") {
    same_boot = false;
    write_file(served.own / "boot", "another");
  }
  served.open();
  CHECK(replaced.spares() == (same_boot ? 1 : 0));
  if (!same_boot) return;
  served.put_small("b", "before a sync of this server", 3);
  CHECK_FALSE(replaced.is_used_for("b"));
  replaced.sync();
  served.put_small("c", "after", 4);
  CHECK(replaced.is_used_for("c"));
}

}  // namespace sluice::storage
