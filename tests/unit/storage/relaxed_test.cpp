// Uploads finished without a sync: whether they are whole is seen in their bytes and leaves.
#include <filesystem>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {
const std::string name = upload_name(7, "0123456789abcdef");

void upload(Served& served, const std::string& bytes) {
  must(served.storage->begin_upload(name, bytes.size()));
  must(served.storage->write_upload(name, 0, bytes, protocol::leaves_of(bytes), true));
  must(served.storage->finish_upload(name, staged_of(bytes), {}, true));
  must(served.storage->claim(name, 12));
}

void flip(const std::filesystem::path& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
}
}  // namespace

TEST_CASE("a relaxed upload is whole, claimed and published") {
  Served served;
  const std::string bytes = pattern(GENERATE(std::size_t{0}, std::size_t{9}, leaf, 3 * leaf + 9));
  const FileStamp stamp = stamp_of(bytes, 12);
  if (bytes.empty()) {
    must(served.storage->begin_upload(name, 0));
    must(served.storage->finish_upload(name, staged_of(bytes), {}, true));
    must(served.storage->claim(name, 12));
  } else {
    upload(served, bytes);
  }
  CHECK(must(served.storage->is_whole("", stamp)));
  must(served.storage->sync_upload(12, ""));
  must(served.storage->publish_claimed(12, "f", stamp));
  CHECK(must(served.storage->is_whole("f", stamp)));
  must(served.storage->sync_upload(12, "f"));
  CHECK(code(served.storage->is_whole("", stamp)) == Code::not_found);
  CHECK(code(served.storage->is_whole("g", stamp)) == Code::not_found);
  CHECK(code(served.storage->sync_upload(12, "")) == Code::not_found);
  // As replay does, which leaves the leaves where they are.
  must(served.storage->set_aside("f", 12));
  CHECK(must(served.storage->is_whole("", stamp)));
}

TEST_CASE("a torn one is not") {
  Served served;
  const std::string bytes = pattern(3 * leaf + 9);
  const FileStamp stamp = stamp_of(bytes, 12);
  upload(served, bytes);
  must(served.storage->publish_claimed(12, "f", stamp));
  const auto leaves = served.own / "digests" / hex_name(12);
  SECTION("a byte") {
    flip(served.tree / "f", 2 * leaf + 5);
  }
  SECTION("the last byte") {
    flip(served.tree / "f", bytes.size() - 1);
  }
  SECTION("the size") {
    std::filesystem::resize_file(served.tree / "f", leaf);
  }
  SECTION("nothing is left") {
    std::filesystem::resize_file(served.tree / "f", 0);
  }
  SECTION("a leaf") {
    flip(leaves, 20);
  }
  SECTION("some leaves") {
    std::filesystem::resize_file(leaves, 16);
  }
  SECTION("all leaves") {
    std::filesystem::remove(leaves);
  }
  CHECK_FALSE(must(served.storage->is_whole("f", stamp)));
}

}  // namespace sluice::storage
