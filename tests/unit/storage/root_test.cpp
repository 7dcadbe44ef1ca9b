// Opening a root: what is made, what is refused and how it is said.
#include "storage/root.hpp"

#include <fcntl.h>

#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("a server makes its own directory and keeps its identity") {
  TemporaryDirectory directory;
  std::string identity;
  {
    const auto storage = must(open_root(directory.path(), Role::server));
    identity = storage->identity();
    CHECK(identity.size() == 32);
    for (const char* name : {"staging", "claimed", "snapshots", "digests", "trash", "log", "locks"})
      CHECK(fs::is_directory(directory.path() / ".sluice" / name));
    CHECK_FALSE(fs::exists(directory.path() / ".sluice" / "check"));
    CHECK((fs::status(directory.path() / ".sluice").permissions() & fs::perms::all) ==
          fs::perms::owner_all);
  }
  CHECK(must(open_root(directory.path(), Role::server))->identity() == identity);
  TemporaryDirectory other;
  CHECK(must(open_root(other.path(), Role::server))->identity() != identity);
}

TEST_CASE("a root is served once") {
  TemporaryDirectory directory;
  auto first = must(open_root(directory.path(), Role::server));
  CHECK(code(open_root(directory.path(), Role::server)) == Code::root_served);
  auto log = first->log_files();
  first.reset();
  // The log files hold the root too.
  CHECK(code(open_root(directory.path(), Role::server)) == Code::root_served);
  log.reset();
  CHECK(code(open_root(directory.path(), Role::server)) == Code{});
}

TEST_CASE("a worker joins a prepared root only") {
  TemporaryDirectory directory;
  const auto refused = open_root(directory.path(), Role::worker);
  REQUIRE(code(refused) == Code::root_unusable);
  CHECK(refused.error().detail.find("no sluiced has served it yet") != std::string::npos);
  CHECK_FALSE(fs::exists(directory.path() / ".sluice"));
  const auto server = must(open_root(directory.path(), Role::server));
  CHECK(must(open_root(directory.path(), Role::worker))->identity() == server->identity());
}

TEST_CASE("a worker refuses a root without an identity") {
  TemporaryDirectory directory;
  must(open_root(directory.path(), Role::server));
  fs::remove(directory.path() / ".sluice" / "identity");
  CHECK(code(open_root(directory.path(), Role::worker)) == Code::root_unusable);
  write_file(directory.path() / ".sluice" / "identity", "short");
  CHECK(code(open_root(directory.path(), Role::worker)) == Code::root_unusable);
  // A server does not give a damaged root a new name without being asked.
  CHECK(code(open_root(directory.path(), Role::server)) == Code::root_unusable);
}

TEST_CASE("a missing root is not made, and what is no directory is refused") {
  TemporaryDirectory directory;
  const auto missing = open_root(directory.path() / "missing", Role::server);
  REQUIRE(code(missing) == Code::root_unusable);
  CHECK(missing.error().path == directory.path() / "missing");
  CHECK(missing.error().detail == "cannot open the directory: No such file or directory");
  CHECK_FALSE(fs::exists(directory.path() / "missing"));
  write_file(directory.path() / "file", "x");
  CHECK(code(open_root(directory.path() / "file", Role::server)) == Code::root_unusable);
  write_file(directory.path() / ".sluice", "x");
  CHECK(code(open_root(directory.path(), Role::server)) == Code::root_unusable);
}

TEST_CASE("a link in place of the server's directory is refused") {
  TemporaryDirectory directory, elsewhere;
  fs::create_directory_symlink(elsewhere.path(), directory.path() / ".sluice");
  CHECK(code(open_root(directory.path(), Role::server)) == Code::root_unusable);
  CHECK(count_in(elsewhere.path()) == 0);
}

TEST_CASE("a root that cannot be written is refused with a sentence") {
  TemporaryDirectory directory;
  fs::permissions(directory.path(), fs::perms::owner_read | fs::perms::owner_exec);
  give_to_nobody(directory.path());
  CHECK(as_nobody([&] {
    const auto refused = open_root(directory.path(), Role::server);
    return !refused && refused.error().code == Code::root_unusable &&
           refused.error().detail == "cannot make the directory '.sluice' in it: Permission denied";
  }));
  fs::permissions(directory.path(), fs::perms::owner_all);
}

TEST_CASE("a prepared root that can no longer be written is refused") {
  TemporaryDirectory directory;
  must(open_root(directory.path(), Role::server));
  const fs::path own = directory.path() / ".sluice";
  fs::permissions(own, fs::perms::owner_read | fs::perms::owner_exec);
  give_to_nobody(directory.path());
  CHECK(as_nobody([&] {
    const auto server = open_root(directory.path(), Role::server);
    const auto worker = open_root(directory.path(), Role::worker);
    return !server && server.error().code == Code::root_unusable &&
           server.error().detail.find(own / "check") != std::string::npos && !worker &&
           worker.error().code == Code::root_unusable;
  }));
  fs::permissions(own, fs::perms::owner_all);
}

TEST_CASE("a filesystem without user attributes is refused") {
  const MountedDirectory ramfs("ramfs", "");
  if (!ramfs) return;
  const auto refused = open_root(ramfs.path(), Role::server);
  REQUIRE(code(refused) == Code::root_unusable);
  CHECK(refused.error().path == ramfs.path());
  CHECK(refused.error().detail == "user extended attributes do not work in " +
                                      std::string(ramfs.path() / ".sluice" / "check") +
                                      ": Operation not supported");
  CHECK(fs::is_empty(ramfs.path() / ".sluice" / "staging"));
  CHECK_FALSE(fs::exists(ramfs.path() / ".sluice" / "check"));
}

TEST_CASE("a part of the server's directory on another filesystem is refused") {
  TemporaryDirectory directory;
  must(open_root(directory.path(), Role::server));
  const MountedDirectory tmpfs("tmpfs", "size=1m");
  if (!tmpfs) return;
  const fs::path staging = directory.path() / ".sluice" / "staging";
  REQUIRE(::mount(tmpfs.path().c_str(), staging.c_str(), nullptr, MS_BIND, nullptr) == 0);
  const auto refused = open_root(directory.path(), Role::server);
  REQUIRE(::umount2(staging.c_str(), MNT_DETACH) == 0);
  REQUIRE(code(refused) == Code::root_unusable);
  CHECK(refused.error().detail ==
        std::string(staging) + " lies on another filesystem than the root");
}

TEST_CASE("what a killed check left does not stop the next server") {
  TemporaryDirectory directory;
  must(open_root(directory.path(), Role::server));
  fs::create_directory(directory.path() / ".sluice" / "check");
  write_file(directory.path() / ".sluice" / "check" / "link", "x");
  CHECK(code(open_root(directory.path(), Role::server)) == Code{});
}

TEST_CASE("leaves recorded before the machine went down are not believed") {
  TemporaryDirectory directory;
  const std::string bytes = pattern(3 * leaf);
  auto storage = must(open_root(directory.path(), Role::server));
  must(storage->begin_upload("0000000000000001-a", bytes.size()));
  must(storage->write_upload("0000000000000001-a", 0, bytes, protocol::leaves_of(bytes)));
  SECTION("the server was restarted alone") {
    storage.reset();
    storage = must(open_root(directory.path(), Role::server));
    CHECK(must(storage->upload_state("0000000000000001-a")).arrived == std::string(3, '\1'));
  }
  SECTION("the machine was") {
    storage.reset();
    write_file(directory.path() / ".sluice" / "boot", "another boot\n");
    storage = must(open_root(directory.path(), Role::server));
    CHECK(code(storage->upload_state("0000000000000001-a")) == Code::unknown_upload);
    must(storage->begin_upload("0000000000000001-a", bytes.size()));
    CHECK(must(storage->upload_state("0000000000000001-a")).arrived == std::string(3, '\0'));
  }
}

}  // namespace sluice::storage
