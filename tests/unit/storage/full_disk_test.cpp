// A disk that is full, on a small tmpfs; nothing half written may be left. Skipped where none can
// be mounted.
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {

// A tmpfs of 8 MiB that can serve as a root, if this machine lets us have one.
class SmallDisk {
 public:
  SmallDisk() {
    if (!mounted_) return;
    auto opened = open_root(mounted_.path(), Role::server);
    if (opened)
      storage = std::move(*opened);
    else
      WARN("skipped: " << protocol::sentence(opened.error()));
  }
  fs::path tree() const { return mounted_.path(); }
  fs::path own(const char* name) const { return tree() / ".sluice" / name; }
  /// Leaves no page free.
  void fill() const {
    std::ofstream file(tree() / "filler", std::ios::binary);
    const std::string page(4096, 'f');
    while (file.write(page.data(), 4096).flush()) continue;
  }

 private:
  MountedDirectory mounted_{"tmpfs", "size=8m"};

 public:
  std::unique_ptr<PosixStorage> storage;
};

}  // namespace

TEST_CASE("an upload that does not fit is refused at the beginning") {
  SmallDisk disk;
  if (!disk.storage) return;
  CHECK(code(disk.storage->begin_upload("u", 9u << 20)) == Code::no_space);
  CHECK(fs::is_empty(disk.own("staging")));
  must(disk.storage->begin_upload("u", 6u << 20));
  CHECK(code(disk.storage->begin_upload("v", 6u << 20)) == Code::no_space);
  CHECK(count_in(disk.own("staging")) == 2);
  // What was given room does arrive.
  disk.fill();
  const std::string bytes = pattern(leaf);
  must(disk.storage->write_upload("u", 0, bytes, protocol::leaves_of(bytes)));
}

TEST_CASE("of an upload with zeros only the rest has to fit") {
  SmallDisk disk;
  if (!disk.storage) return;
  CHECK(code(disk.storage->begin_upload("u", 2u << 30, (2u << 30) - (9u << 20))) == Code::no_space);
  CHECK(fs::is_empty(disk.own("staging")));
  must(disk.storage->begin_upload("u", 2u << 30, (2u << 30) - 2 * leaf));
  const std::string bytes = pattern(2 * leaf);
  must(disk.storage->write_upload("u", 1u << 30, bytes, protocol::leaves_of(bytes)));
  must(disk.storage->write_zeros("u", 0, 1u << 30));
  must(disk.storage->write_zeros("u", (1u << 30) + 2 * leaf, (1u << 30) - 2 * leaf));
  CHECK(must(disk.storage->upload_state("u")).arrived == std::string((2u << 30) / leaf, '\1'));
  // What nobody has seen coming.
  must(disk.storage->begin_upload("v", leaf, leaf));
  disk.fill();
  const std::string more = pattern(leaf);
  CHECK(code(disk.storage->write_upload("v", 0, more, protocol::leaves_of(more))) ==
        Code::no_space);
}

TEST_CASE("small files and copies that do not fit leave nothing") {
  SmallDisk disk;
  if (!disk.storage) return;
  write_file(disk.tree() / "large", pattern(3u << 20));
  disk.fill();
  const std::string bytes = pattern(leaf);
  CHECK(code(disk.storage->stage_copy("large", "c")) == Code::no_space);
  CHECK(fs::is_empty(disk.own("staging")));
  CHECK(code(disk.storage->restore("a", bytes, stamp_of(bytes, 1), {})) == Code::no_space);
  CHECK(code(disk.storage->publish_small("a", stamp_of(bytes, 1), bytes, {})) == Code::no_space);
  CHECK(fs::is_empty(disk.own("claimed")));
  CHECK(fs::is_empty(disk.own("spare")));
  CHECK_FALSE(fs::exists(disk.tree() / "a"));
}

TEST_CASE("a full disk refuses a record and keeps the log whole") {
  SmallDisk disk;
  if (!disk.storage) return;
  const auto log = disk.storage->log_files();
  // The room for a whole segment is not there; that alone is no reason to fail.
  must(log->start(1));
  must(log->append("begin"));
  must(log->sync());
  disk.fill();
  const std::string record(64u << 10, 'r');
  std::size_t taken = 0;
  Result<void> last;
  while ((last = log->append(record))) ++taken;
  CHECK(code(last) == Code::no_space);
  CHECK(code(log->append(record)) == Code::no_space);
  std::string bytes = must(log->read(1));
  REQUIRE(bytes.size() >= 5 + taken * record.size());
  CHECK(bytes.find_first_not_of('\0', 5 + taken * record.size()) == std::string::npos);
  must(log->sync());
  // Goes on where it stood once there is room again.
  fs::remove(disk.tree() / "filler");
  must(log->append("end"));
  must(log->sync());
  bytes = must(log->read(1));
  CHECK(bytes.substr(0, 5) == "begin");
  CHECK(bytes.substr(5 + taken * record.size(), 3) == "end");
}

TEST_CASE("what was reserved in the log finds its room on a full disk") {
  SmallDisk disk;
  if (!disk.storage) return;
  const auto log = disk.storage->log_files();
  must(log->start(1));
  const std::uint64_t share = log->share_bytes();
  CHECK(share == protocol::limits::log_share_min_bytes);
  must(log->append(pattern(share)));
  must(log->reserve(100'000));
  disk.fill();
  must(log->append(pattern(100'000)));
  CHECK(code(log->reserve(2 * share)) == Code::no_space);
  CHECK(fs::file_size(disk.own("log") / "0000000000000001") == 2 * share);
  must(log->sync());
}

TEST_CASE("a small disk's log keeps segments to its share, and gives way where it is full") {
  SmallDisk disk;
  if (!disk.storage) return;
  const auto log = disk.storage->log_files();
  const auto spare = [&](const char* name) { return disk.own("log") / name; };
  must(log->start(1));
  const std::uint64_t share = log->share_bytes();
  CHECK(fs::file_size(spare("spare-0")) == share);
  must(log->append(pattern(2 * share)));
  must(log->start(2));
  must(log->start(3));
  must(log->drop_before(3));
  CHECK(fs::file_size(spare("spare-0")) <= share);
  CHECK(fs::file_size(spare("spare-1")) <= share);
  must(log->append("kept"));
  disk.fill();
  CHECK(code(disk.storage->begin_upload("u", share)) == Code::no_space);
  log->make_room();
  CHECK_FALSE(fs::exists(spare("spare-1")));
  CHECK(must(log->read(3)).substr(0, 4) == "kept");
  must(disk.storage->begin_upload("u", share));
  // Room for the next segment is still there.
  disk.fill();
  must(log->start(4));
  must(log->append(pattern(share)));
  must(log->sync());
}

TEST_CASE("a full disk is made room on in the trash") {
  SmallDisk disk;
  if (!disk.storage) return;
  write_file(disk.tree() / "large", pattern(3u << 20));
  CHECK(must(disk.storage->remove("large", false)));
  disk.fill();
  must(disk.storage->begin_upload("u", 2u << 20));
}

TEST_CASE("for what can never fit nothing is given up") {
  SmallDisk disk;
  if (!disk.storage) return;
  write_file(disk.tree() / "old", pattern(2 * leaf));
  CHECK(must(disk.storage->remove("old", false)));
  write_file(disk.own("spare") / "1", pattern(leaf));
  CHECK(code(disk.storage->begin_upload("u", 9u << 20)) == Code::no_space);
  CHECK(count_in(disk.own("trash")) == 1);
  CHECK(count_in(disk.own("spare")) == 1);
}

TEST_CASE("what saves time stays where the room it takes would not be enough") {
  SmallDisk disk;
  if (!disk.storage) return;
  write_file(disk.tree() / "large", pattern(4u << 20));
  write_file(disk.own("spare") / "1", pattern(1u << 20));
  CHECK(code(disk.storage->begin_upload("u", 6u << 20)) == Code::no_space);
  CHECK(count_in(disk.own("spare")) == 1);
  const std::uint64_t left = fs::space(disk.tree()).available;
  must(disk.storage->begin_upload("v", left + (512u << 10)));
  CHECK(count_in(disk.own("spare")) == 0);
}

TEST_CASE("a full disk refuses a journal's growth and takes nothing for it") {
  SmallDisk disk;
  if (!disk.storage) return;
  const auto journal = must(disk.storage->journal_files());
  must(journal->make());
  disk.fill();
  const std::string within = pattern(200u << 10);
  must(journal->write(0, 0, within));
  CHECK(code(journal->write(0, within.size(), pattern(1u << 20))) == Code::no_space);
  CHECK(code(journal->reserve(1, 1u << 20)) == Code::no_space);
  CHECK(fs::file_size(disk.own("locks") / "a") == 256u << 10);
  CHECK(must(journal->read(0)).substr(0, within.size()) == within);
  fs::remove(disk.tree() / "filler");
  must(journal->write(0, within.size(), pattern(1u << 20)));
}

TEST_CASE("a server starts on a full disk, so that somebody can make room") {
  SmallDisk disk;
  if (!disk.storage) return;
  disk.fill();
  disk.storage.reset();
  auto opened = open_root(disk.tree(), Role::server);
  REQUIRE(code(opened) == Code{});
  CHECK_FALSE(fs::exists(disk.tree() / ".sluice" / "check"));
  CHECK(code((*opened)->remove("filler", false)) == Code{});
}

}  // namespace sluice::storage
