// The lock journal's two files.
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

TEST_CASE("journal files are made and keep what is written") {
  Served served;
  auto journal = must(served.storage->journal_files());
  CHECK_FALSE(fs::exists(served.own / "locks" / "a"));
  must(journal->make());
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
  must(journal->make());
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

TEST_CASE("journal files tell what is there, and keep copies") {
  Served served;
  auto journal = must(served.storage->journal_files());
  for (const unsigned which : {0u, 1u, 2u}) {
    CHECK_FALSE(journal->size_bytes(which));
    CHECK(must(journal->read(which)).empty());
    must(journal->sync(which));
    must(journal->keep_copy(which));
  }
  CHECK_FALSE(fs::exists(served.own / "locks" / "a.damaged"));
  CHECK(journal->name(0) == ".sluice/locks/a");
  CHECK_FALSE(journal->boot().empty());
  must(journal->make());
  must(journal->write(0, 0, "one"));
  journal.reset();
  fs::resize_file(served.own / "locks" / "a", 100);
  fs::remove(served.own / "locks" / "b");
  // As often as it is looked at.
  for (int time = 0; time < 2; ++time) {
    journal = must(served.storage->journal_files());
    CHECK(journal->size_bytes(0) == 100);
    CHECK_FALSE(journal->size_bytes(1));
    CHECK(journal->size_bytes(2) == 4096);
    must(journal->keep_copy(0));
    CHECK(read_file(served.own / "locks" / "a.damaged").substr(0, 4) == std::string("one\0", 4));
  }
  must(journal->make());
  CHECK(journal->size_bytes(0) == 256u << 10);
}

TEST_CASE("what is in the way of a journal file is named") {
  Served served;
  fs::create_directories(served.own / "locks" / "a");
  const auto journal = served.storage->journal_files();
  REQUIRE(code(journal) == Code::root_unusable);
  CHECK(journal.error().detail.find(".sluice/locks/a is not a regular file") == 0);
}

}  // namespace sluice::storage
