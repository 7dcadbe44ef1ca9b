// The commit log's segments.
#include "tests/unit/storage/fixture.hpp"

namespace sluice::storage {
using namespace testing;

namespace {
struct Log : Served {
  std::unique_ptr<LogFiles> log = storage->log_files();
  std::string begin_of(std::uint64_t generation, std::size_t size) {
    return must(log->read(generation)).substr(0, size);
  }
  void write(std::uint64_t generation, const std::string& bytes) {
    must(log->start(generation));
    must(log->append(bytes));
    must(log->sync());
  }
};
}  // namespace

TEST_CASE("segments are appended to and read back") {
  Log log;
  CHECK(must(log.log->segments()).empty());
  CHECK(code(log.log->append("early")) == Code::io_error);
  CHECK(code(log.log->sync()) == Code::io_error);
  CHECK(code(log.log->read(1)) == Code::not_found);
  must(log.log->start(1));
  must(log.log->append("one"));
  must(log.log->append("two"));
  must(log.log->sync());
  must(log.log->append("three"));
  must(log.log->sync());
  CHECK(log.begin_of(1, 11) == "onetwothree");
  log.write(0x2f, "next");
  CHECK(must(log.log->segments()) == std::vector<std::uint64_t>{1, 0x2f});
  CHECK(log.begin_of(1, 11) == "onetwothree");
  CHECK(log.begin_of(0x2f, 4) == "next");
  CHECK(code(log.log->start(1)) == Code::exists);
}

TEST_CASE("another log finds what the first one wrote") {
  Log log;
  log.write(1, "one");
  log.log.reset();
  log.storage.reset();
  log.storage = must(open_root(log.tree, Role::server));
  log.log = log.storage->log_files();
  CHECK(must(log.log->segments()) == std::vector<std::uint64_t>{1});
  CHECK(log.begin_of(1, 3) == "one");
}

TEST_CASE("two old segments are kept and written over") {
  Log log;
  for (const std::uint64_t generation : {1, 2, 3, 4})
    log.write(generation, "generation " + std::to_string(generation));
  must(log.log->drop_before(4));
  CHECK(must(log.log->segments()) == std::vector<std::uint64_t>{4});
  CHECK(count_in(log.own / "log") == 3);
  must(log.log->drop_before(4));
  CHECK(log.begin_of(4, 12) == "generation 4");
  log.write(5, "NEW");
  CHECK(count_in(log.own / "log") == 3);
  log.write(6, "newer");
  // Old bytes behind the new: their records name another generation.
  const std::string bytes = must(log.log->read(6));
  CHECK(bytes.substr(0, 5) == "newer");
  CHECK(bytes.substr(5, 7) == "ation 1");
  log.write(7, "newest");
  CHECK(must(log.log->segments()) == std::vector<std::uint64_t>{4, 5, 6, 7});
  must(log.log->drop_before(100));
  CHECK(must(log.log->segments()).empty());
}

TEST_CASE("room for the next segment is kept aside from the first on") {
  Log log;
  log.write(1, "one");
  CHECK(fs::file_size(log.own / "log" / "spare-0") == protocol::limits::log_reserve_bytes);
  log.write(2, "two");
  CHECK(fs::exists(log.own / "log" / "spare-0"));
}

TEST_CASE("names that are no segments are left alone") {
  Log log;
  for (const char* name : {"notes", "1", "000000000000000G", "00000000000000001"})
    write_file(log.own / "log" / name, "x");
  log.write(1, "one");
  CHECK(must(log.log->segments()) == std::vector<std::uint64_t>{1});
  must(log.log->drop_before(9));
  CHECK(fs::exists(log.own / "log" / "notes"));
}

}  // namespace sluice::storage
