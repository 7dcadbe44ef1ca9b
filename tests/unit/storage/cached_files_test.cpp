// Small files for a thread that must not wait: what is in memory is read as it is now, however it
// was changed since it was opened.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;
using std::chrono::milliseconds;

namespace {

struct Room {
  Served served;
  std::unique_ptr<SmallFiles> files = served.storage->small_files();
  milliseconds now{5'000};

  std::optional<std::string> read(const std::string& path, std::size_t most_bytes = 1'000) {
    const auto opened = files->read(path, most_bytes, now);
    if (!opened) return std::nullopt;
    return std::string(opened->bytes.text());
  }
  // A file is kept open only when its last change is some time ago.
  void settle(const std::string& path) {
    const auto settled = [&] {
      struct stat info {};
      timespec time{};
      REQUIRE(::stat((served.tree / path).c_str(), &info) == 0);
      ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
      return (time.tv_sec - info.st_ctim.tv_sec) * 1'000'000'000 + time.tv_nsec -
                 info.st_ctim.tv_nsec >
             100'000'000;
    };
    while (!settled()) ::usleep(5'000);
  }
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::size_t pages_of(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page;
}

std::size_t pages_in_memory(int fd, std::size_t bytes) {
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  REQUIRE(mapped != MAP_FAILED);
  std::vector<unsigned char> pages(pages_of(bytes));
  REQUIRE(::mincore(mapped, bytes, pages.data()) == 0);
  ::munmap(mapped, bytes);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

}  // namespace

TEST_CASE("a small file in memory is read whole, with its attributes") {
  Room room;
  room.served.put_small("a", "first", 4);
  const auto opened = room.files->read("a", 5, room.now);
  REQUIRE(opened);
  CHECK(opened->bytes.text() == "first");
  CHECK(opened->attributes.version == 4);
  CHECK(opened->attributes.root == staged_of("first").root);
  CHECK_FALSE(room.read("a", 4));
  CHECK_FALSE(room.read("missing"));
  CHECK_FALSE(room.read(""));
  must(room.served.storage->make_directory("d", {}));
  CHECK_FALSE(room.read("d"));
  CHECK(room.served.litter() == 0);
}

TEST_CASE("a file that is read again is kept open, for a second at most") {
  Room room;
  room.served.put_small("a", "first", 4);
  const std::size_t before = open_descriptors();
  CHECK(room.read("a") == "first");
  room.settle("a");
  CHECK(room.read("a") == "first");
  CHECK(open_descriptors() == before + 1);
  CHECK(room.read("a") == "first");
  CHECK(open_descriptors() == before + 1);
  room.files->let_go(room.now + milliseconds(999));
  CHECK(open_descriptors() == before + 1);
  room.files->let_go(room.now + milliseconds(1'000));
  CHECK(open_descriptors() == before);
}

TEST_CASE("a file that is kept open is read as it is now") {
  Room room;
  room.served.put_small("a", "first", 4);
  room.settle("a");
  REQUIRE(room.read("a") == "first");
  SECTION("replaced") {
    room.served.put_small("a", "second", 5);
    const auto opened = room.files->read("a", 100, room.now);
    REQUIRE(opened);
    CHECK(opened->bytes.text() == "second");
    CHECK(opened->attributes.version == 5);
  }
  SECTION("removed") {
    must(room.served.storage->remove("a", false));
    CHECK_FALSE(room.read("a"));
  }
  SECTION("renamed, and another in its place") {
    must(room.served.storage->rename("a", "b"));
    CHECK_FALSE(room.read("a"));
    CHECK(room.read("b") == "first");
  }
  SECTION("replaced while another name of it stays") {
    fs::create_hard_link(room.served.tree / "a", room.served.tree / "link");
    room.settle("a");
    REQUIRE(room.read("a") == "first");
    write_file(room.served.tree / "by hand", "second");
    fs::rename(room.served.tree / "by hand", room.served.tree / "a");
    CHECK(room.read("a") == "second");
  }
  SECTION("its mode changed") {
    must(room.served.storage->set_attributes("a", {0600, {}}));
    const auto opened = room.files->read("a", 100, room.now);
    REQUIRE(opened);
    CHECK(opened->attributes.mode == 0600);
  }
  SECTION("written to by hand") {
    write_file(room.served.tree / "a", "longer than before");
    CHECK_FALSE(room.read("a"));
  }
}

TEST_CASE("nothing is kept open while a directory may move") {
  Room room;
  must(room.served.storage->make_directory("d", {}));
  room.served.put_small("d/a", "first", 4);
  room.settle("d/a");
  REQUIRE(room.read("d/a") == "first");
  room.files->tree_moves(false);
  room.files->tree_moves(false);
  CHECK(room.read("d/a") == "first");
  must(room.served.storage->rename("d", "e"));
  CHECK_FALSE(room.read("d/a"));
  CHECK(room.read("e/a") == "first");
  room.files->tree_moves(true);
  must(room.served.storage->rename("e", "d"));
  CHECK_FALSE(room.read("e/a"));
  room.files->tree_moves(true);
  const std::size_t before = open_descriptors();
  CHECK(room.read("d/a") == "first");
  CHECK(open_descriptors() == before + 1);
}

TEST_CASE("so many files are kept open at most") {
  Room room;
  for (int i = 0; i < 600; ++i) room.served.put_small(std::to_string(i), "x", 4);
  room.settle("599");
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 600; ++i) CHECK(room.read(std::to_string(i)) == "x");
  CHECK(open_descriptors() <= before + 512);
}

TEST_CASE("what only the disk has is not read") {
  Room room;
  const std::string bytes = pattern(100'000);
  room.served.put_small("a", bytes, 4);
  const Descriptor file = open_at(AT_FDCWD, (room.served.tree / "a").string(), O_RDWR);
  REQUIRE(::fsync(file.get()) == 0);
  REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  // Some filesystems have all in memory, or keep it there. Asked without a read, which may have the
  // kernel fetch the bytes for the next one.
  const std::size_t in_memory = pages_in_memory(file.get(), bytes.size());
  const auto read = room.read("a", bytes.size());
  if (in_memory == 0) CHECK_FALSE(read);
  if (in_memory == pages_of(bytes.size())) CHECK(read);
  CHECK(must(room.served.storage->read_small("a", bytes.size()))->bytes.text() == bytes);
}

}  // namespace sluice::storage
