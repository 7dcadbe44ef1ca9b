// What sessions leave behind, and the trash.
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {
void leave(Served& served, std::uint64_t session) {
  must(served.storage->stage_copy("file", request_name(session, 1, 0)));
  must(served.storage->begin_upload(upload_name(session, "0123456789abcdef"), leaf));
  must(served.storage->open("file", 0, session_prefix(session) + snapshot_suffix(2, 0)));
}
constexpr std::size_t left_by_one = 5;
}  // namespace

TEST_CASE("sweep removes what sessions left") {
  Served served;
  served.put_small("file", "x", 1);
  for (const std::uint64_t session : {1ull, 2ull, 0xfedcba9876543210ull}) leave(served, session);
  CHECK(served.litter() == 3 * left_by_one);
  SECTION("of some") {
    must(served.storage->sweep({2, 99}, false));
    CHECK(served.litter() == 2 * left_by_one);
    CHECK(code(served.storage->upload_state(upload_name(2, "0123456789abcdef"))) ==
          Code::unknown_upload);
    CHECK(must(served.storage->upload_state(upload_name(1, "0123456789abcdef"))).size_bytes ==
          leaf);
  }
  SECTION("of none") {
    must(served.storage->sweep({}, false));
    CHECK(served.litter() == 3 * left_by_one);
  }
  SECTION("of all but one, with what is nobody's") {
    write_file(served.own / "staging" / "nobody", "x");
    must(served.storage->sweep({0xfedcba9876543210ull}, true));
    CHECK(served.litter() == left_by_one);
    CHECK(must(served.storage->upload_state(upload_name(0xfedcba9876543210ull, "0123456789abcdef")))
              .size_bytes == leaf);
  }
  SECTION("of all") {
    must(served.storage->sweep({}, true));
    CHECK(served.litter() == 0);
  }
  CHECK(read_file(served.tree / "file") == "x");
}

TEST_CASE("kept uploads belong to no session, and go when nothing was written for long") {
  Served served;
  const std::string kept = upload_name(kept_session, "0123456789abcdef");
  const std::string bytes = pattern(2 * leaf);
  served.upload(kept, bytes, {.mode = {}, .mtime_ns = 77});
  must(served.storage->begin_upload(upload_name(7, "0123456789abcdef"), leaf));
  must(served.storage->sweep({7}, true));
  must(served.storage->sweep({1}, false));
  must(served.storage->sweep_kept(std::chrono::hours(1)));
  CHECK(served.litter() == 4);
  CHECK(must(served.storage->upload_state(kept)).arrived == std::string("\1\1", 2));
  must(served.storage->sweep({}, true));
  CHECK(served.litter() == 2);
  SECTION("with its leaves") {
    must(served.storage->sweep_kept(std::chrono::milliseconds(0)));
    CHECK(served.litter() == 0);
  }
  SECTION("leaves alone") {
    fs::remove(served.own / "staging" / kept);
    must(served.storage->sweep_kept(std::chrono::hours(1)));
    CHECK(served.litter() == 1);
    must(served.storage->sweep_kept(std::chrono::milliseconds(0)));
    CHECK(served.litter() == 0);
  }
  SECTION("not if they are claimed") {
    must(served.storage->claim(kept, 12));
    must(served.storage->sweep_kept(std::chrono::milliseconds(0)));
    CHECK_FALSE(must(served.storage->publish_claimed(12, "f", stamp_of(bytes, 12))));
    CHECK(read_file(served.tree / "f") == bytes);
  }
}

TEST_CASE("empty trash is no work") {
  Served served;
  CHECK_FALSE(must(served.storage->empty_trash()));
}

TEST_CASE("the trash is emptied piece by piece") {
  Served served;
  must(served.storage->make_directory("d", {}));
  for (int i = 0; i < 1'000; ++i) write_file(served.tree / "d" / std::to_string(i), "x");
  must(served.storage->remove("d", true));
  int calls = 1;
  while (must(served.storage->empty_trash())) ++calls;
  CHECK(calls >= 4);
  CHECK(calls <= 6);
  CHECK(served.litter() == 0);
}

TEST_CASE("a deep and wide tree goes, with the leaves of its files and without following links") {
  Served served;
  TemporaryDirectory outside;
  write_file(outside.path() / "kept", "x");
  must(served.storage->make_directory("top", {}));
  std::uint64_t version = 1;
  std::string path = "top";
  for (int depth = 0; depth < 100; ++depth) {
    path += "/d";
    must(served.storage->make_directory(path, {}));
    if (depth % 20 == 0) served.put(path + "/large", pattern(2 * leaf), version++);
    fs::create_directory_symlink(outside.path(), served.tree / path / "link");
    REQUIRE(::mkfifo((served.tree / path / "fifo").c_str(), 0) == 0);
  }
  CHECK(count_in(served.own / "digests") == 5);
  must(served.storage->remove("top", true));
  served.empty_trash();
  CHECK(served.litter() == 0);
  CHECK(fs::exists(outside.path() / "kept"));
}

TEST_CASE("a tree deeper than any path is emptied") {
  Served served;
  int fd = ::open(served.tree.c_str(), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 3'000; ++depth) {
    REQUIRE(::mkdirat(fd, "d", 0755) == 0);
    const int next = ::openat(fd, "d", O_RDONLY | O_DIRECTORY);
    REQUIRE(next >= 0);
    ::close(fd);
    fd = next;
  }
  ::close(fd);
  CHECK(must(served.storage->remove("d", true)));
  served.empty_trash();
  CHECK(served.litter() == 0);
}

TEST_CASE("directories that shut out their owner are emptied") {
  TemporaryDirectory directory;
  give_to_nobody(directory.path());
  CHECK(as_nobody([&] {
    auto storage = open_root(directory.path(), Role::server);
    if (!storage) return false;
    for (const char* path : {"d", "d/e", "d/e/f"})
      if (!(*storage)->make_directory(path, {})) return false;
    fs::permissions(directory.path() / "d" / "e" / "f", fs::perms::none);
    fs::permissions(directory.path() / "d" / "e", fs::perms::none);
    if (!(*storage)->remove("d", true)) return false;
    Result<bool> more = true;
    for (int call = 0; more && *more && call < 10; ++call) more = (*storage)->empty_trash();
    return more && !*more && fs::is_empty(directory.path() / ".sluice" / "trash");
  }));
}

TEST_CASE("what cannot be removed is reported and does not stop the rest") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can make a directory of another owner");
    return;
  }
  TemporaryDirectory directory;
  must(open_root(directory.path(), Role::server));
  const fs::path trash = directory.path() / ".sluice" / "trash";
  fs::create_directory(trash / "stuck");
  write_file(trash / "stuck" / "file", "x");
  write_file(trash / "loose", "x");
  give_to_nobody(directory.path());
  REQUIRE(::chown((trash / "stuck").c_str(), 0, 0) == 0);
  CHECK(as_nobody([&] {
    auto storage = open_root(directory.path(), Role::server);
    if (!storage) return false;
    const auto first = (*storage)->empty_trash();
    const auto second = (*storage)->empty_trash();
    return first && *first && !second && second.error().code == Code::denied;
  }));
  CHECK_FALSE(fs::exists(trash / "loose"));
  CHECK(fs::exists(trash / "stuck" / "file"));
}

TEST_CASE("two names of one file both fit into the trash") {
  Served served;
  write_file(served.tree / "a", pattern(2 * leaf));
  fs::create_hard_link(served.tree / "a", served.tree / "b");
  CHECK(must(served.storage->remove("a", false)));
  CHECK(must(served.storage->remove("b", false)));
  CHECK(count_in(served.own / "trash") == 2);
  served.empty_trash();
  CHECK(served.litter() == 0);
}

}  // namespace sluice::storage
