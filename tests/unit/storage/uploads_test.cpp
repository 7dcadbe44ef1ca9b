// Staging: small files, uploads in chunks, copies.
#include <sys/stat.h>

#include <ctime>
#include <fstream>

#include "storage/leaves.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {
const std::string name = upload_name(7, "0123456789abcdef");

Result<void> write(Served& served, std::uint64_t offset, const std::string& bytes) {
  return served.storage->write_upload(name, offset, bytes, protocol::leaves_of(bytes));
}
}  // namespace

TEST_CASE("an upload in any order") {
  Served served;
  const std::string bytes = pattern(4 * leaf + 9);
  must(served.storage->begin_upload(name, bytes.size()));
  CHECK(must(served.storage->upload_state(name)).size_bytes == bytes.size());
  CHECK(must(served.storage->upload_state(name)).arrived == std::string(5, '\0'));
  must(write(served, 4 * leaf, bytes.substr(4 * leaf)));
  must(write(served, leaf, bytes.substr(leaf, 2 * leaf)));
  CHECK(must(served.storage->upload_state(name)).arrived == std::string("\0\1\1\0\1", 5));
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code::upload_incomplete);
  must(write(served, 0, bytes.substr(0, leaf)));
  must(write(served, 3 * leaf, bytes.substr(3 * leaf, leaf)));
  Preserve preserve;
  preserve.mode = 0444;
  preserve.mtime_ns = 77;
  must(served.storage->finish_upload(name, staged_of(bytes), preserve));
  must(served.storage->finish_upload(name, staged_of(bytes), preserve));
  CHECK(read_file(served.own / "staging" / name) == bytes);
  // What is there already is no error, whatever the mode is by now.
  must(write(served, 0, bytes.substr(0, leaf)));
  must(served.storage->claim(name, 12));
  CHECK_FALSE(must(served.storage->publish_claimed(12, "f", stamp_of(bytes, 12))));
  CHECK(served.attributes("f").mode == 0444);
  CHECK(served.attributes("f").mtime_ns == 77);
  CHECK(served.attributes("f").version == 12);
  CHECK(read_file(served.tree / "f") == bytes);
}

TEST_CASE("bytes that change in staging are not finished") {
  Served served;
  // Small ones, and one large enough to be checked in two halves.
  const std::size_t size = GENERATE(4 * leaf + 9, 258 * leaf + 9);
  const std::string bytes = pattern(size);
  const std::size_t middle = size / 2 / leaf * leaf;
  const std::size_t at = GENERATE_COPY(std::size_t{0}, middle - 1, middle, middle + 5, size - 1);
  must(served.storage->begin_upload(name, size));
  must(write(served, 0, bytes));
  std::fstream file(served.own / "staging" / name, std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(bytes[at] ^ 1));
  file.close();
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code::damaged);
  CHECK(served.litter() == 0);
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code::unknown_upload);
}

TEST_CASE("a large upload that has not changed is finished") {
  Served served;
  const std::string bytes = pattern(258 * leaf + 9);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, 0, bytes));
  must(served.storage->finish_upload(name, staged_of(bytes), {}));
}

// Of 16 GiB, so that there is more than one piece of them.
TEST_CASE("leaves that are cut off while they are read are an error and no end of the process") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "leaves";
  const std::uint64_t size = 2 * (LeafReader::piece_bytes / leaf_digest_bytes) * leaf;
  const std::string leaves = pattern(leaves_size(size));
  write_file(path, leaves);
  const Descriptor file(::open(path.c_str(), O_RDONLY));
  CHECK(stored_root(file.get(), size) == protocol::root_of(leaves));
  LeafReader from_middle(file.get(), size / 2, size);
  CHECK(from_middle.next() == std::string_view(leaves).substr(leaves.size() / 2));
  LeafReader reader(file.get(), 0, size);
  CHECK(reader.next() == std::string_view(leaves).substr(0, LeafReader::piece_bytes));
  CHECK(::truncate(path.c_str(), LeafReader::piece_bytes + 5) == 0);
  CHECK(reader.next().empty());
  CHECK(reader.error() == ENODATA);
  CHECK_FALSE(stored_root(file.get(), size));
}

TEST_CASE("an upload whose leaves were cut off is not finished") {
  Served served;
  const std::string bytes = pattern(4 * leaf);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, 0, bytes));
  fs::resize_file(served.own / "staging" / (std::string(name) + ".leaves"), 3 * 16 + 1);
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code::upload_incomplete);
}

TEST_CASE("beginning again") {
  Served served;
  const std::string bytes = pattern(2 * leaf);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, 0, bytes.substr(0, leaf)));
  must(served.storage->begin_upload(name, bytes.size()));
  CHECK(must(served.storage->upload_state(name)).arrived == std::string("\1\0", 2));
  CHECK(code(served.storage->begin_upload(name, bytes.size() + 1)) == Code::upload_conflict);
  CHECK(code(served.storage->begin_upload(name, 0)) == Code::upload_conflict);
  CHECK(must(served.storage->upload_state(name)).arrived == std::string("\1\0", 2));
  CHECK(served.litter() == 2);
}

TEST_CASE("what has arrived is told page by page, with the digests") {
  Served served;
  const std::string bytes = pattern(4 * leaf + 9);
  const std::string leaves = protocol::leaves_of(bytes);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, leaf, bytes.substr(leaf, leaf)));
  must(write(served, 4 * leaf, bytes.substr(4 * leaf)));
  const std::string missing(16, '\0');
  const auto all = must(served.storage->upload_state(name));
  CHECK(all.leaves == missing + leaves.substr(16, 16) + missing + missing + leaves.substr(64));
  const auto some = must(served.storage->upload_state(name, leaf, 2));
  CHECK(some.size_bytes == bytes.size());
  CHECK(some.arrived == std::string("\1\0", 2));
  CHECK(some.leaves == leaves.substr(16, 16) + missing);
  CHECK(must(served.storage->upload_state(name, 4 * leaf, 9)).leaves == leaves.substr(64));
  for (const std::uint64_t behind : {5 * leaf, std::size_t{1} << 62})
    CHECK(must(served.storage->upload_state(name, behind, 9)).arrived.empty());
}

TEST_CASE("a worker that died while beginning left no leaves") {
  Served served;
  must(served.storage->begin_upload(name, leaf));
  fs::remove(served.own / "staging" / (name + ".leaves"));
  CHECK(code(served.storage->upload_state(name)) == Code::unknown_upload);
  CHECK(code(write(served, 0, pattern(leaf))) == Code::unknown_upload);
  must(served.storage->begin_upload(name, leaf));
  CHECK(must(served.storage->upload_state(name)).arrived == std::string(1, '\0'));
}

TEST_CASE("one upload id is one sequence of bytes") {
  Served served;
  const std::string bytes = pattern(2 * leaf, 1);
  const std::string other = pattern(2 * leaf, 2);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, leaf, bytes.substr(leaf)));
  CHECK(code(write(served, leaf, other.substr(leaf))) == Code::upload_conflict);
  // Also where only one of the leaves is in conflict; nothing of the chunk is written then.
  CHECK(code(write(served, 0, other)) == Code::upload_conflict);
  CHECK(must(served.storage->upload_state(name)).arrived == std::string("\0\1", 2));
  must(write(served, 0, bytes));
  must(served.storage->finish_upload(name, staged_of(bytes), {}));
  CHECK(read_file(served.own / "staging" / name) == bytes);
}

TEST_CASE("chunks that are not whole leaves inside the file") {
  Served served;
  const std::string bytes = pattern(2 * leaf + 10);
  must(served.storage->begin_upload(name, bytes.size()));
  CHECK(code(write(served, 1, bytes.substr(1, leaf))) == Code::bad_message);
  CHECK(code(write(served, 0, bytes.substr(0, leaf - 1))) == Code::bad_message);
  CHECK(code(write(served, 2 * leaf, bytes.substr(0, leaf))) == Code::bad_message);
  CHECK(code(write(served, 3 * leaf, bytes.substr(0, 1))) == Code::bad_message);
  CHECK(code(write(served, ~0ull - leaf + 1, bytes.substr(0, leaf))) == Code::bad_message);
  CHECK(code(write(served, 0, "")) == Code::bad_message);
  const std::string chunk = bytes.substr(0, leaf);
  CHECK(code(served.storage->write_upload(name, 0, chunk, "")) == Code::bad_message);
  CHECK(code(served.storage->write_upload(name, 0, chunk, protocol::leaves_of(bytes))) ==
        Code::bad_message);
  CHECK(must(served.storage->upload_state(name)).arrived == std::string(3, '\0'));
  CHECK(fs::file_size(served.own / "staging" / name) == bytes.size());
}

TEST_CASE("zeros take no room, also over bytes that were there before") {
  Served served;
  std::string bytes = pattern(20 * leaf + 9);
  bytes.replace(4 * leaf, 10 * leaf, 10 * leaf, '\0');
  bytes.replace(18 * leaf, 2 * leaf + 9, 2 * leaf + 9, '\0');
  const std::uint64_t announced = GENERATE(std::uint64_t{0}, std::uint64_t{12 * leaf + 9});
  must(served.storage->begin_upload(name, bytes.size(), announced));
  const std::string path = served.own / "staging" / name;
  // A worker that died before it had written the leaves of it.
  std::fstream(path, std::ios::in | std::ios::out).seekp(static_cast<std::streamoff>(6 * leaf))
      << pattern(leaf);
  must(write(served, 0, bytes.substr(0, 4 * leaf)));
  for (int again = 0; again < 2; ++again) {
    must(served.storage->write_zeros(name, 4 * leaf, 10 * leaf));
    must(served.storage->write_zeros(name, 18 * leaf, 2 * leaf + 9));
  }
  CHECK(must(served.storage->upload_state(name, 4 * leaf, 10)).leaves ==
        protocol::leaves_of(bytes.substr(4 * leaf, 10 * leaf)));
  must(write(served, 14 * leaf, bytes.substr(14 * leaf, 4 * leaf)));
  must(served.storage->finish_upload(name, staged_of(bytes), {}));
  CHECK((read_file(path) == bytes));
  struct stat info;
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(static_cast<std::size_t>(info.st_blocks) * 512 <= 8 * leaf + leaf);
}

TEST_CASE("zeros that do not belong there") {
  Served served;
  const std::string bytes = pattern(2 * leaf + 9);
  CHECK(code(served.storage->write_zeros(name, 0, leaf)) == Code::unknown_upload);
  must(served.storage->begin_upload(name, bytes.size(), bytes.size()));
  must(write(served, leaf, bytes.substr(leaf, leaf)));
  CHECK(code(served.storage->write_zeros(name, 0, 2 * leaf)) == Code::upload_conflict);
  CHECK(code(served.storage->write_zeros(name, 0, leaf - 1)) == Code::bad_message);
  CHECK(code(served.storage->write_zeros(name, 1, leaf)) == Code::bad_message);
  CHECK(code(served.storage->write_zeros(name, 2 * leaf, leaf)) == Code::bad_message);
  CHECK(code(served.storage->write_zeros(name, 0, 0)) == Code::bad_message);
  CHECK(code(served.storage->write_zeros(name, 0, ~0ull - leaf + 1)) == Code::bad_message);
  must(served.storage->write_zeros(name, 2 * leaf, 9));
  must(served.storage->write_zeros(name, 0, leaf));
  CHECK(code(write(served, 0, bytes.substr(0, leaf))) == Code::upload_conflict);
  const std::string stored = read_file(served.own / "staging" / name);
  CHECK((stored == std::string(leaf, '\0') + bytes.substr(leaf, leaf) + std::string(9, '\0')));
}

TEST_CASE("finish compares size and root") {
  Served served;
  const std::string bytes = pattern(leaf + 1, 1);
  must(served.storage->begin_upload(name, bytes.size()));
  must(write(served, 0, bytes));
  CHECK(code(served.storage->finish_upload(name, staged_of(pattern(leaf + 1, 2)), {})) ==
        Code::digest_mismatch);
  CHECK(code(served.storage->finish_upload(name, {leaf, staged_of(bytes).root}, {})) ==
        Code::digest_mismatch);
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code{});
}

TEST_CASE("an upload of no bytes") {
  Served served;
  must(served.storage->begin_upload(name, 0));
  CHECK(must(served.storage->upload_state(name)).arrived.empty());
  CHECK(code(write(served, 0, "")) == Code::bad_message);
  must(served.storage->finish_upload(name, staged_of(""), {}));
  must(served.storage->claim(name, 12));
  must(served.storage->publish_claimed(12, "f", stamp_of("", 12)));
  CHECK(served.attributes("f").size_bytes == 0);
  CHECK(served.attributes("f").version == 12);
  CHECK(served.litter() == 0);
}

TEST_CASE("uploads that nobody began") {
  Served served;
  CHECK(code(served.storage->upload_state(name)) == Code::unknown_upload);
  CHECK(code(write(served, 0, pattern(leaf))) == Code::unknown_upload);
  CHECK(code(served.storage->finish_upload(name, {}, {})) == Code::unknown_upload);
  CHECK(code(served.storage->claim(name, 1)) == Code::unknown_upload);
  CHECK(code(served.storage->drop_staged(name)) == Code{});
  CHECK(served.litter() == 0);
}

TEST_CASE("an upload that was claimed takes no more chunks") {
  Served served;
  const std::string bytes = pattern(2 * leaf);
  served.upload(name, bytes);
  must(served.storage->claim(name, 12));
  CHECK(code(write(served, 0, bytes)) == Code::unknown_upload);
  CHECK(code(served.storage->finish_upload(name, staged_of(bytes), {})) == Code::unknown_upload);
}

TEST_CASE("a dropped upload leaves nothing") {
  Served served;
  must(served.storage->begin_upload(name, leaf));
  must(served.storage->drop_staged(name));
  CHECK(served.litter() == 0);
}

TEST_CASE("an upload larger than the protocol allows") {
  Served served;
  CHECK(code(served.storage->begin_upload(name, protocol::limits::file_bytes + 1)) ==
        Code::too_large);
  CHECK(served.litter() == 0);
}

TEST_CASE("an upload larger than the disk finds out at the beginning") {
  Served served;
  const auto free_bytes = fs::space(served.tree).available;
  if (free_bytes >= protocol::limits::file_bytes) {
    WARN("skipped: the disk is too large for it");
    return;
  }
  const auto refused = code(served.storage->begin_upload(name, protocol::limits::file_bytes - 1));
  CHECK((refused == Code::no_space || refused == Code::too_large));
  CHECK(served.litter() == 0);
}

TEST_CASE("names that are none do not leave staging") {
  Served served;
  write_file(served.tree / "victim", "x");
  for (const std::string bad : {"", ".", "..", "../victim", "a/b", ".hidden"}) {
    INFO(bad);
    CHECK(code(served.storage->begin_upload(bad, 1)) == Code::bad_message);
    CHECK(code(served.storage->upload_state(bad)) == Code::bad_message);
    CHECK(code(served.storage->stage_copy("victim", bad)) == Code::bad_message);
    CHECK(code(served.storage->drop_staged(bad)) == Code::bad_message);
    CHECK(code(served.storage->claim(bad, 1)) == Code::bad_message);
  }
  CHECK(code(served.storage->begin_upload(std::string(255, 'n'), 1)) == Code::bad_message);
}

TEST_CASE("a copy has the bytes and mode of the original and a time of its own") {
  Served served;
  Preserve preserve;
  preserve.mode = 0600;
  preserve.mtime_ns = 1;
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, leaf, leaf + 1, 20 * leaf + 3}) {
    INFO(size);
    const std::string bytes = pattern(size);
    served.put("a", bytes, 100 + size, preserve);
    const Staged staged = must(served.storage->stage_copy("a", name));
    CHECK(staged.size_bytes == size);
    CHECK(staged.root == staged_of(bytes).root);
    must(served.storage->claim(name, 200 + size));
    must(served.storage->publish_claimed(200 + size, "b", stamp_of(bytes, 200 + size)));
    CHECK(read_file(served.tree / "b") == bytes);
    CHECK(served.attributes("b").mode == 0600);
    CHECK(served.attributes("b").mtime_ns > 1);
    must(served.storage->remove("a", false));
    must(served.storage->remove("b", false));
    served.empty_trash();
    CHECK(served.litter() == 0);
  }
}

TEST_CASE("a copy of a file put there by hand, or whose leaves are lost, is digested") {
  Served served;
  const std::string bytes = pattern(9 * leaf + 1);
  SECTION("by hand") {
    write_file(served.tree / "a", bytes);
  }
  SECTION("leaves lost") {
    served.put("a", bytes, 3);
    fs::remove(served.own / "digests" / "0000000000000003");
  }
  SECTION("leaves of something else") {
    served.put("a", bytes, 3);
    write_file(served.own / "digests" / "0000000000000003", std::string(160, 'x'));
  }
  CHECK(must(served.storage->stage_copy("a", name)).root == staged_of(bytes).root);
  CHECK(read_file(served.own / "staging" / (name + ".leaves")) == protocol::leaves_of(bytes));
}

TEST_CASE("a copy has the digest of its holes, which are not read for it") {
  Served served;
  const std::string bytes = pattern(3 * leaf + 5);
  std::string all(40 * leaf, '\0');
  all.replace(9 * leaf + 7, bytes.size(), bytes);
  const std::uint64_t size = GENERATE(20 * leaf, 40 * leaf - 3, 16'384 * leaf + 1);
  const fs::path file = served.tree / "a";
  write_file(file, "");
  fs::resize_file(file, size);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(9 * leaf + 7) << bytes;
  const std::clock_t begin = std::clock();
  const Staged staged = must(served.storage->stage_copy("a", name));
  const std::clock_t took = std::clock() - begin;
  CHECK(staged.size_bytes == size);
  std::string leaves = protocol::leaves_of(all);
  if (size <= all.size())
    leaves = protocol::leaves_of({all.data(), size});
  else
    leaves += protocol::leaves_of_zeros(size - all.size());
  CHECK(staged.root == protocol::root_of(leaves));
  // To digest 2 GiB takes several times as long.
  CHECK(took < CLOCKS_PER_SEC / 10);
}

TEST_CASE("a copy of rotten bytes is refused where it is found out") {
  Served served;
  served.put_small("a", "hello", 3);
  write_file(served.tree / "a", "hallo");
  CHECK(code(served.storage->stage_copy("a", name)) == Code::damaged);
  CHECK(served.litter() == 0);
  CHECK(code(served.storage->stage_copy("missing", name)) == Code::not_found);
  CHECK(code(served.storage->stage_copy("", name)) == Code::is_directory);
}

}  // namespace sluice::storage
