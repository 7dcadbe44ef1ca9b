// Reading: whole files, snapshots and what they outlive, stored leaves.
#include <sys/stat.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("a file that fits is read whole, a larger one gets a snapshot") {
  Served served;
  const std::string bytes = pattern(1000);
  served.put_small("a", bytes, 4);
  const Opened whole = must(served.storage->open("a", 1000, "s"));
  CHECK(whole.bytes.text() == bytes);
  CHECK_FALSE(whole.snapshot_made);
  CHECK(whole.attributes.version == 4);
  CHECK(whole.attributes.root == staged_of(bytes).root);
  CHECK(served.litter() == 0);
  const Opened snapshot = must(served.storage->open("a", 999, "s"));
  CHECK(snapshot.snapshot_made);
  CHECK(snapshot.bytes.empty());
  CHECK(snapshot.attributes == whole.attributes);
  CHECK(served.read_all("s") == bytes);
}

TEST_CASE("a small file is read whole or not at all") {
  Served served;
  const std::string bytes = pattern(1000);
  served.put_small("d", bytes, 4);
  must(served.storage->make_directory("x", {}));
  const auto whole = must(served.storage->read_small("d", 1000));
  REQUIRE(whole);
  CHECK(whole->bytes.text() == bytes);
  CHECK(whole->attributes.version == 4);
  CHECK(whole->attributes.root == staged_of(bytes).root);
  CHECK_FALSE(must(served.storage->read_small("d", 999)));
  CHECK(code(served.storage->read_small("missing", 9)) == Code::not_found);
  CHECK(code(served.storage->read_small("x", 9)) == Code::is_directory);
  CHECK(served.litter() == 0);
}

TEST_CASE("an empty file is whole") {
  Served served;
  served.put_small("a", "", 4);
  const Opened opened = must(served.storage->open("a", 0, "s"));
  CHECK_FALSE(opened.snapshot_made);
  CHECK(opened.bytes.empty());
  CHECK(opened.attributes.root == staged_of("").root);
}

TEST_CASE("open says why it fails") {
  Served served;
  must(served.storage->make_directory("d", {}));
  write_file(served.tree / "file", "x");
  CHECK(code(served.storage->open("missing", 9, "s")) == Code::not_found);
  CHECK(code(served.storage->open("file/x", 9, "s")) == Code::not_directory);
  CHECK(code(served.storage->open("d", 9, "s")) == Code::is_directory);
  CHECK(code(served.storage->open("", 9, "s")) == Code::is_directory);
  CHECK(code(served.storage->open("file", 0, "../x")) == Code::bad_message);
  CHECK(code(served.storage->open("file", 0, "")) == Code::bad_message);
}

TEST_CASE("what may not be read is denied") {
  Served served;
  served.put_small("a", "hello", 4);
  fs::permissions(served.tree / "a", fs::perms::none);
  give_to_nobody(served.tree);
  CHECK(as_nobody([&] {
    const auto opened = served.storage->open("a", 9, "s");
    const auto entry = served.storage->stat("a");
    return !opened && opened.error().code == Code::denied && entry &&
           entry->attributes.size_bytes == 5;
  }));
}

TEST_CASE("a snapshot outlives replace, rename, remove and a restart") {
  Served served;
  const std::string old = pattern(5 * leaf + 77, 1);
  served.put("a", old, 4);
  REQUIRE(must(served.storage->open("a", leaf, "0000000000000001-s")).snapshot_made);
  SECTION("replace") {
    CHECK(served.put("a", pattern(2 * leaf, 2), 5));
  }
  SECTION("replace by a small one") {
    CHECK(served.put_small("a", "small", 5));
  }
  SECTION("rename") {
    must(served.storage->rename("a", "b"));
  }
  SECTION("remove") {
    CHECK(must(served.storage->remove("a", false)));
  }
  SECTION("being replaced by rename") {
    served.put_small("b", "small", 5);
    CHECK(must(served.storage->rename("b", "a")));
  }
  SECTION("a restart") {
    served.storage.reset();
    served.storage = must(open_root(served.tree, Role::server));
  }
  CHECK(served.read_all("0000000000000001-s") == old);
  served.empty_trash();
  CHECK(count_in(served.own / "trash") == 0);
  CHECK(served.read_all("0000000000000001-s") == old);
  CHECK(fs::exists(served.own / "digests" / "0000000000000004"));
}

TEST_CASE("leaves go with the last name of a version") {
  Served served;
  served.put("a", pattern(3 * leaf), 4);
  must(served.storage->open("a", leaf, "s"));
  must(served.storage->remove("a", false));
  served.empty_trash();
  CHECK(fs::exists(served.own / "digests" / "0000000000000004"));
  must(served.storage->drop_snapshot("s"));
  CHECK(served.litter() == 0);
}

TEST_CASE("the same snapshot again is no error, of another version it is made anew") {
  Served served;
  const std::string first = pattern(2 * leaf, 1);
  const std::string second = pattern(2 * leaf, 2);
  served.put("a", first, 4);
  must(served.storage->open("a", leaf, "s"));
  must(served.storage->open("a", leaf, "s"));
  CHECK(served.read_all("s") == first);
  served.put("a", second, 5);
  must(served.storage->open("a", leaf, "s"));
  CHECK(served.read_all("s") == second);
}

TEST_CASE("pieces are whole leaves, fewer only at the end") {
  Served served;
  const std::string bytes = pattern(3 * leaf + 5);
  served.put("a", bytes, 4);
  must(served.storage->open("a", leaf, "s"));
  auto size = [&](std::uint64_t offset, std::size_t length) {
    const Piece piece = must(served.storage->read_snapshot("s", offset, length));
    CHECK(piece.bytes.text() ==
          bytes.substr(std::min<std::size_t>(offset, bytes.size()), piece.bytes.size()));
    CHECK(piece.leaves == protocol::leaves_of(piece.bytes.bytes()));
    return piece.bytes.size();
  };
  CHECK(size(0, leaf) == leaf);
  CHECK(size(0, 2 * leaf - 1) == leaf);
  CHECK(size(leaf, 2 * leaf) == 2 * leaf);
  CHECK(size(leaf, 9 * leaf) == 2 * leaf + 5);
  CHECK(size(3 * leaf, leaf) == 5);
  CHECK(size(3 * leaf, 5) == 5);
  CHECK(size(3 * leaf, 4) == 0);
  CHECK(size(4 * leaf, leaf) == 0);
  CHECK(code(served.storage->read_snapshot("s", 1, leaf)) == Code::bad_message);
}

TEST_CASE("a snapshot that is gone") {
  Served served;
  CHECK(code(served.storage->read_snapshot("s", 0, leaf)) == Code::snapshot_gone);
  CHECK(code(served.storage->drop_snapshot("s")) == Code{});
  CHECK(code(served.storage->read_snapshot("../staging", 0, leaf)) == Code::bad_message);
}

TEST_CASE("leaves come from where they were stored, or are made anew") {
  Served served;
  const std::string bytes = pattern(3 * leaf);
  served.put("a", bytes, 4);
  must(served.storage->open("a", leaf, "s"));
  const fs::path stored = served.own / "digests" / "0000000000000004";
  CHECK(read_file(stored) == protocol::leaves_of(bytes));
  SECTION("stored") {
    // Bytes that have rotted are told apart by the reader, as the leaves are those of the upload.
    std::fstream(served.tree / "a", std::ios::in | std::ios::out | std::ios::binary) << "rot";
    CHECK(must(served.storage->read_snapshot("s", 0, 3 * leaf)).leaves ==
          protocol::leaves_of(bytes));
  }
  SECTION("missing") {
    fs::remove(stored);
    CHECK(served.read_all("s") == bytes);
  }
  SECTION("cut off") {
    fs::resize_file(stored, 20);
    CHECK(served.read_all("s") == bytes);
  }
  SECTION("a file put there by hand") {
    write_file(served.tree / "by_hand", bytes);
    must(served.storage->open("by_hand", leaf, "h"));
    CHECK(served.read_all("h") == bytes);
  }
}

TEST_CASE("digests of a snapshot's leaves, without its bytes") {
  Served served;
  const std::string bytes = pattern(20 * leaf + 9);
  const std::string leaves = protocol::leaves_of(bytes);
  const bool stored = GENERATE(true, false);
  INFO(stored);
  if (stored)
    served.put("f", bytes, 1);
  else
    write_file(served.tree / "f", bytes);
  must(served.storage->open("f", 0, "s"));
  CHECK(must(served.storage->snapshot_leaves("s", 0, 1'000)) == leaves);
  CHECK(must(served.storage->snapshot_leaves("s", 3 * leaf, 2)) == leaves.substr(48, 32));
  CHECK(must(served.storage->snapshot_leaves("s", 20 * leaf, 2)) == leaves.substr(320));
  CHECK(must(served.storage->snapshot_leaves("s", 21 * leaf, 2)).empty());
  CHECK(code(served.storage->snapshot_leaves("s", 1, 1)) == Code::bad_message);
  CHECK(code(served.storage->snapshot_leaves("none", 0, 1)) == Code::snapshot_gone);
  // What rots later has the digests that were stored, or those of what is there.
  std::string rotten = bytes;
  rotten[leaf] ^= 1;
  write_file(served.tree / "f", rotten);
  CHECK((must(served.storage->snapshot_leaves("s", 0, 1'000)) == leaves) == stored);
}

TEST_CASE("of leaves that were not stored some are made at a time") {
  Served served;
  const std::string bytes = pattern((protocol::limits::leaves_made_anew + 2) * leaf);
  write_file(served.tree / "f", bytes);
  must(served.storage->open("f", 0, "s"));
  CHECK(must(served.storage->snapshot_leaves("s", 0, 10'000)).size() ==
        protocol::limits::leaves_made_anew * 16);
}

}  // namespace sluice::storage
