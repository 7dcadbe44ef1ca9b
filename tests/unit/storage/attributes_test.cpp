// Stamps in extended attributes, and from errno to errors.
#include "storage/attributes.hpp"

#include <sys/xattr.h>

#include "storage/failure.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("the bytes of a stamp are fixed") {
  FileStamp stamp{0x0102030405060708, 0x1112131415161718, {}};
  for (std::size_t i = 0; i < stamp.root.size(); ++i) stamp.root[i] = static_cast<char>(0x20 + i);
  const auto bytes = encode_stamp(stamp);
  CHECK(protocol::to_hex({bytes.data(), bytes.size()}) ==
        "0201020304050607081112131415161718202122232425262728292a2b2c2d2e2f95ff3aa2");
  const auto back = decode_stamp(bytes);
  REQUIRE(back);
  CHECK(back->version == stamp.version);
  CHECK(back->size_bytes == stamp.size_bytes);
  CHECK(back->root == stamp.root);
}

TEST_CASE("what is no stamp is not taken for one") {
  const auto bytes = encode_stamp({1, 2, {}});
  CHECK_FALSE(decode_stamp(std::span(bytes).first(36)));
  CHECK_FALSE(decode_stamp(encode_stamp({0, 2, {}})));
}

TEST_CASE("no byte of a stamp can change unseen") {
  const auto bytes = encode_stamp({7, 1'000, protocol::root_of("leaves")});
  REQUIRE(decode_stamp(bytes));
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      CHECK_FALSE(decode_stamp(flipped));
    }
}

TEST_CASE("a stamp of the former format, without a checksum, is read") {
  auto bytes = encode_stamp({7, 1'000, {}});
  bytes[0] = 1;
  const auto back = decode_stamp(std::span(bytes).first(33));
  REQUIRE(back);
  CHECK(back->version == 7);
  CHECK_FALSE(decode_stamp(bytes));
}

TEST_CASE("a stamp that is garbled makes the file damaged, not version 0 to read") {
  Served served;
  served.put_small("a", "hello", 5);
  for (const std::size_t size : {0u, 5u, 33u, 37u, 200u}) {
    const std::string garbage(size, 'g');
    REQUIRE(::setxattr((served.tree / "a").c_str(), stamp_attribute, garbage.data(), size, 0) == 0);
    CHECK(code(served.storage->open("a", 100, "s")) == Code::damaged);
    CHECK(served.attributes("a").version == 0);
  }
}

TEST_CASE("times before 1970 round down") {
  CHECK(times_of(1'500'000'000)[1].tv_sec == 1);
  CHECK(times_of(1'500'000'000)[1].tv_nsec == 500'000'000);
  CHECK(times_of(-1)[1].tv_sec == -1);
  CHECK(times_of(-1)[1].tv_nsec == 999'999'999);
  CHECK(times_of(-1'000'000'000)[1].tv_sec == -1);
  CHECK(times_of(-1'000'000'000)[1].tv_nsec == 0);
}

TEST_CASE("errno becomes a code") {
  CHECK(code_of(ENOENT) == Code::not_found);
  CHECK(code_of(EEXIST) == Code::exists);
  CHECK(code_of(ENOTDIR) == Code::not_directory);
  CHECK(code_of(EISDIR) == Code::is_directory);
  CHECK(code_of(ENOTEMPTY) == Code::not_empty);
  for (const int error : {EACCES, EPERM, EROFS}) CHECK(code_of(error) == Code::denied);
  for (const int error : {ENOSPC, EDQUOT}) CHECK(code_of(error) == Code::no_space);
  for (const int error : {ELOOP, EXDEV, ENXIO}) CHECK(code_of(error) == Code::not_regular);
  CHECK(code_of(ENAMETOOLONG) == Code::bad_path);
  CHECK(code_of(EFBIG) == Code::too_large);
  for (const int error : {EMFILE, ENFILE, ENOMEM}) CHECK(code_of(error) == Code::overloaded);
  for (const int error : {EIO, EINVAL}) CHECK(code_of(error) == Code::io_error);
  CHECK(failure("a", "reading it", EIO).value().detail == "reading it: Input/output error");
  CHECK(failure("a", "reading it", EIO).value().path == "a");
  CHECK(failure("a", "reading it", ENOENT).value().detail.empty());
}

}  // namespace sluice::storage
