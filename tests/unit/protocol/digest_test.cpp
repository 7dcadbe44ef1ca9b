// Digests: known answers of XXH3-128, leaves and root, hex.
#include "protocol/digest.hpp"

#include "protocol/limits.hpp"
#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

// Bytes that any language can make: byte i is (i * 7 + i / 251) mod 256.
std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

TEST_CASE("known answers of XXH3-128 in its canonical form") {
  // Of the reference implementation, xxhsum -H2.
  CHECK(to_hex(digest_of({})) == "99aa06d3014798d86001c324468d497f");
  CHECK(to_hex(digest_of(std::string_view("a"))) == "a96faf705af16834e6c632b61e964e1f");
  CHECK(to_hex(digest_of(std::string_view("abc"))) == "06b05ab6733a618578af5f94892f3950");
}

TEST_CASE("an empty file has no leaves, and the root of nothing") {
  CHECK(leaves_of({}).empty());
  CHECK(to_hex(root_of("")) == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("a leaf covers 128 KiB, the last one what is left") {
  constexpr std::size_t leaf = limits::leaf_bytes;
  const std::string bytes = pattern(3 * leaf);
  for (const std::size_t size :
       {std::size_t{1}, leaf - 1, leaf, leaf + 1, 2 * leaf, 3 * leaf - 1}) {
    const std::string_view file = std::string_view(bytes).substr(0, size);
    std::string expected;
    for (std::size_t at = 0; at < size; at += leaf) {
      const Digest digest = digest_of(file.substr(at, leaf));
      expected.append(digest.data(), digest.size());
    }
    INFO(size);
    CHECK(leaves_of(file) == expected);
    CHECK(expected.size() == 16 * leaf_count(size, leaf));
    CHECK(root_of(expected) == digest_of(expected));
  }
}

TEST_CASE("the root of a file of one leaf is not the digest of its bytes") {
  const std::string leaves = leaves_of(std::string_view("abc"));
  CHECK(to_hex(leaves) == "06b05ab6733a618578af5f94892f3950");
  CHECK(root_of(leaves) != digest_of(std::string_view("abc")));
}

TEST_CASE("leaves that come piece by piece have the same root") {
  const std::string leaves = leaves_of(std::string_view(pattern(9 * limits::leaf_bytes + 1)));
  for (const std::size_t piece : {std::size_t{16}, std::size_t{48}, leaves.size()}) {
    INFO(piece);
    RootDigest root;
    for (std::size_t at = 0; at < leaves.size(); at += piece)
      root.add(std::string_view(leaves).substr(at, piece));
    CHECK(root.digest() == root_of(leaves));
  }
  CHECK(RootDigest().digest() == root_of(""));
}

TEST_CASE("chunks of whole leaves give the leaves of the file in any division") {
  const std::string bytes = pattern(5 * limits::leaf_bytes + 12'345);
  const std::string_view file = bytes;
  std::string leaves;
  for (std::size_t at = 0; at < file.size(); at += 2 * limits::leaf_bytes)
    leaves += leaves_of(file.substr(at, 2 * limits::leaf_bytes));
  CHECK(leaves == leaves_of(file));
  std::string changed = bytes;
  changed[300'000] = static_cast<char>(changed[300'000] ^ 1);
  const std::string others = leaves_of(std::string_view(changed));
  for (std::size_t i = 0; i < 6; ++i) {
    INFO(i);
    CHECK((others.substr(i * 16, 16) == leaves.substr(i * 16, 16)) == (i != 2));
  }
}

TEST_CASE("leaf_count") {
  CHECK(leaf_count(0, 4) == 0);
  CHECK(leaf_count(1, 4) == 1);
  CHECK(leaf_count(4, 4) == 1);
  CHECK(leaf_count(5, 4) == 2);
  CHECK(leaf_count(limits::file_bytes, limits::leaf_bytes) == 1ull << 27);
}

TEST_CASE("hex there and back") {
  CHECK(to_hex(std::string_view("\x00\x7f\x80\xff", 4)) == "007f80ff");
  CHECK(from_hex("007f80ff") == std::string("\x00\x7f\x80\xff", 4));
  for (const char* bad : {"0", "0g", "AB", "0x", " 0", "00 "}) {
    INFO(bad);
    CHECK(from_hex(bad).empty());
  }
}

}  // namespace
}  // namespace sluice::protocol
