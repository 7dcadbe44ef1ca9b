// The lock journal's two files.
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("journal files are made at once and keep what is written") {
  Served served;
  auto journal = must(served.storage->journal_files());
  CHECK(fs::file_size(served.own / "locks" / "a") == 256u << 10);
  CHECK(must(journal->read(0)).find_first_not_of('\0') == std::string::npos);
  must(journal->write(0, 0, "one"));
  must(journal->write(0, 3, "two"));
  must(journal->write(1, 0, "other"));
  must(journal->sync(0));
  must(journal->sync(1));
  journal.reset();
  journal = must(served.storage->journal_files());
  CHECK(must(journal->read(0)).substr(0, 7) == std::string("onetwo\0", 7));
  CHECK(must(journal->read(1)).substr(0, 5) == "other");
}

TEST_CASE("journal files grow in steps") {
  Served served;
  const auto journal = must(served.storage->journal_files());
  const std::string bytes = pattern(300u << 10);
  must(journal->write(1, 0, bytes));
  CHECK(fs::file_size(served.own / "locks" / "b") == 512u << 10);
  must(journal->write(1, bytes.size(), "x"));
  CHECK(fs::file_size(served.own / "locks" / "b") == 512u << 10);
  must(journal->reserve(1, 1u << 20));
  must(journal->reserve(1, 1));
  CHECK(fs::file_size(served.own / "locks" / "b") == 1u << 20);
  CHECK(must(journal->read(1)).substr(0, bytes.size()) == bytes);
}

TEST_CASE("a root tells whether the machine was booted since it was last served") {
  Served served;
  // Not known yet.
  CHECK(served.storage->power_may_have_failed());
  auto again = [&] {
    served.storage.reset();
    served.storage = must(open_root(served.tree, Role::server));
    return served.storage->power_may_have_failed();
  };
  CHECK_FALSE(again());
  write_file(served.own / "boot", "another boot");
  CHECK(again());
  CHECK_FALSE(again());
}

}  // namespace sluice::storage
