// Small files that are written before it is their turn: what comes of them, and what is left.
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {

/// A root whose spares need no rest, and puts that are made in one go.
struct Prepared : Served {
  std::vector<SmallPut> puts;

  Prepared() {
    storage.reset();
    storage = std::make_unique<PosixStorage>(must(prepare_root(tree, Role::server)),
                                             std::chrono::milliseconds{});
    must(storage->adopt_spares());
  }
  static std::string bytes_of(std::uint64_t version) {
    return "bytes of " + std::to_string(version) + std::string(version % 50, 'x');
  }
  void prepare(std::uint64_t begin, std::uint64_t end, bool relaxed = false) {
    puts.clear();
    for (std::uint64_t version = begin; version < end; ++version) {
      const std::string bytes = bytes_of(version);
      puts.push_back({stamp_of(bytes, version),
                      protocol::Payload::of(bytes),
                      {.mode = 0640, .mtime_ns = {}},
                      relaxed});
    }
    auto copy = puts;
    storage->prepare_small(std::move(copy));
  }
  Result<bool> publish(std::size_t at, const std::string& path) {
    const SmallPut& put = puts[at];
    return storage->publish_small(path, put.stamp, put.bytes.bytes(), put.preserve, put.relaxed);
  }
  void check(const std::string& path, std::uint64_t version) {
    CHECK(read_file(tree / path) == bytes_of(version));
    CHECK(attributes(path).version == version);
    CHECK(attributes(path).mode == 0640);
    CHECK(attributes(path).root == staged_of(bytes_of(version)).root);
  }
  std::size_t spares() const { return count_in(own / "spare"); }
  void sync() {
    storage->sync_begins();
    must(storage->sync_tree());
    storage->sync_ended();
  }
};

std::string name_of(std::size_t number) {
  return "f" + std::to_string(number);
}

}  // namespace

TEST_CASE("files that were prepared are published as others, and written over spares") {
  Prepared served;
  const bool relaxed = GENERATE(false, true);
  for (std::uint64_t round = 0; round < 3; ++round) {
    served.prepare(1 + 20 * round, 21 + 20 * round, relaxed);
    // In any order.
    for (std::size_t i = 20; i-- > 0;) CHECK_FALSE(must(served.publish(i, name_of(i))));
    served.storage->drop_prepared();
    for (std::size_t i = 0; i < 20; ++i) served.check(name_of(i), 1 + 20 * round + i);
    // Those of the round before, but for relaxed puts, which use none up.
    CHECK(served.spares() == (round == 0 ? 0 : relaxed ? 20 * round : 20));
    served.sync();
  }
  CHECK(served.litter() == 0);
}

TEST_CASE("what was prepared is not seen, and nothing is left of what is not published") {
  Prepared served;
  served.prepare(1, 13);
  CHECK(count_in(served.tree) == 1);
  CHECK_FALSE(must(served.publish(3, "a")));
  CHECK(code(served.publish(4, "missing/a")) == Code::not_found);
  must(served.storage->make_directory("d", {}));
  CHECK(code(served.publish(5, "d")) == Code::is_directory);
  served.storage->drop_prepared();
  CHECK(served.spares() == 0);
  CHECK(served.litter() == 0);
  served.check("a", 4);
  // Dropped ones can still be published, from the bytes.
  CHECK_FALSE(must(served.publish(7, "b")));
  served.check("b", 8);
}

TEST_CASE("prepared files whose room was needed meanwhile are written again") {
  Prepared served;
  served.prepare(1, 9);
  must(served.publish(7, "last"));
  // All are written by now.
  const auto root = must(prepare_root(served.tree, Role::worker));
  CHECK(remove_spares(*root));
  CHECK_FALSE(must(served.publish(0, "a")));
  served.check("a", 1);
  served.storage->drop_prepared();
  CHECK(served.spares() == 0);
  CHECK(served.litter() == 0);
}

TEST_CASE("a spare that somebody has open is not written over by what is prepared") {
  Prepared served;
  served.put_small("a", "what was there", 1);
  const int fd = ::open((served.tree / "a").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  served.put_small("a", "and then", 2);
  served.sync();
  CHECK(served.spares() == 1);
  served.prepare(3, 11);
  must(served.publish(0, "b"));
  served.check("b", 3);
  char first = '\0';
  CHECK(::pread(fd, &first, 1, 0) == 1);
  CHECK(first == 'w');
  ::close(fd);
}

}  // namespace sluice::storage
