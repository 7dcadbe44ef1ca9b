// Files on the real disk, compared with what was stored with them.
#include <sys/xattr.h>

#include "storage/attributes.hpp"
#include "storage/names.hpp"
#include "storage/own_names.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;
using protocol::DamagedRange;
using protocol::Verify;

namespace {

void flip(const fs::path& path, std::size_t offset) {
  std::string bytes = read_file(path);
  bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 1);
  write_file(path, bytes);
}

constexpr std::uint32_t all = 32 * leaf;

}  // namespace

TEST_CASE("a good file verifies, of any size") {
  const std::size_t size = GENERATE(0u, 1u, leaf, leaf + 1, 9 * leaf + 7);
  Served served;
  const std::string bytes = pattern(size);
  served.put("a", bytes, 5);
  const auto found = must(served.storage->verify({"a", 5, 0, all}));
  CHECK(found.attributes.version == 5);
  CHECK(found.length_bytes == size);
  CHECK(found.leaves == protocol::leaves_of(bytes));
  CHECK(found.damaged.empty());
  CHECK_FALSE(found.leaves_missing);
}

TEST_CASE("each flipped byte is found in its leaf") {
  Served served;
  served.put("a", pattern(9 * leaf + 7), 5);
  flip(served.tree / "a", 0);
  flip(served.tree / "a", 4 * leaf);
  flip(served.tree / "a", 6 * leaf - 1);
  flip(served.tree / "a", 9 * leaf + 6);
  CHECK(must(served.storage->verify({"a", 5, 0, all})).damaged ==
        std::vector<DamagedRange>{{0, leaf}, {4 * leaf, 2 * leaf}, {9 * leaf, 7}});
  CHECK(must(served.storage->verify({"a", 5, leaf, 3 * leaf})).damaged.empty());
}

TEST_CASE("a flipped byte of a small file is found") {
  Served served;
  served.put_small("a", "hello", 5);
  flip(served.tree / "a", 4);
  CHECK(must(served.storage->verify({"a", 0, 0, all})).damaged ==
        std::vector<DamagedRange>{{0, 5}});
}

TEST_CASE("stored leaves that have changed look like damage, lost ones are told") {
  Served served;
  const std::string bytes = pattern(3 * leaf);
  served.put("a", bytes, 5);
  const fs::path leaves = served.own / "digests" / hex_name(5);
  flip(leaves, 16);
  const auto flipped = must(served.storage->verify({"a", 5, 0, all}));
  CHECK(flipped.damaged == std::vector<DamagedRange>{{leaf, leaf}});
  CHECK(flipped.leaves == protocol::leaves_of(bytes));
  fs::resize_file(leaves, 20);
  CHECK(must(served.storage->verify({"a", 5, 0, all})).leaves_missing);
  fs::remove(leaves);
  const auto lost = must(served.storage->verify({"a", 5, 0, all}));
  CHECK(lost.leaves_missing);
  CHECK(lost.damaged.empty());
  CHECK(lost.leaves == protocol::leaves_of(bytes));
}

TEST_CASE("what is not what was stored is damaged as a whole") {
  Served served;
  served.put("short", pattern(3 * leaf), 5);
  fs::resize_file(served.tree / "short", 2 * leaf);
  CHECK(code(served.storage->verify({"short", 0, 0, all})) == Code::damaged);
  served.put_small("garbled", "hello", 6);
  REQUIRE(::setxattr((served.tree / "garbled").c_str(), stamp_attribute, "g", 1, 0) == 0);
  CHECK(code(served.storage->verify({"garbled", 0, 0, all})) == Code::damaged);
}

TEST_CASE("only the version that is asked for is looked at") {
  Served served;
  served.put_small("a", "hello", 5);
  CHECK(code(served.storage->verify({"a", 4, 0, all})) == Code::condition_failed);
  write_file(served.tree / "by-hand", "hello");
  CHECK(must(served.storage->verify({"by-hand", 0, 0, all})).length_bytes == 0);
  CHECK(code(served.storage->verify({"none", 0, 0, all})) == Code::not_found);
}

}  // namespace sluice::storage
