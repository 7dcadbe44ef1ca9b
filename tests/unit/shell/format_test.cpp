// Sizes, times, modes, names and JSON as a person or a program sees them.
#include "client/shell/format.hpp"

#include <cstdlib>
#include <ctime>

#include "client/shell/json.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::shell;
using namespace std::chrono_literals;
using sluice::Kind;

TEST_CASE("sizes have at most three digits") {
  CHECK(size_text(0) == "0 B");
  CHECK(size_text(999) == "999 B");
  CHECK(size_text(1000) == "1.0 KiB");
  CHECK(size_text(1024) == "1.0 KiB");
  CHECK(size_text(10 * 1024) == "10 KiB");
  CHECK(size_text(999 * 1024) == "999 KiB");
  CHECK(size_text(1000 * 1024) == "1.0 MiB");
  CHECK(size_text(1ull << 30) == "1.0 GiB");
  CHECK(size_text(UINT64_MAX) == "16 EiB");
}

TEST_CASE("durations have one or two units") {
  CHECK(duration_text(-5ms) == "0.0s");
  CHECK(duration_text(449ms) == "0.4s");
  CHECK(duration_text(9'949ms) == "9.9s");
  CHECK(duration_text(9'950ms) == "10s");
  CHECK(duration_text(59'499ms) == "59s");
  CHECK(duration_text(59'500ms) == "1m00s");
  CHECK(duration_text(190s) == "3m10s");
  CHECK(duration_text(2h + 5min) == "2h05m");
  CHECK(duration_text(76h) == "3d04h");
}

TEST_CASE("modes look as in ls") {
  CHECK(mode_text(Kind::file, 0644) == "-rw-r--r--");
  CHECK(mode_text(Kind::directory, 0755) == "drwxr-xr-x");
  CHECK(mode_text(Kind::other, 0) == "?---------");
  CHECK(mode_text(Kind::file, 04755) == "-rwsr-xr-x");
  CHECK(mode_text(Kind::file, 04644) == "-rwSr--r--");
  CHECK(mode_text(Kind::directory, 02775) == "drwxrwsr-x");
  CHECK(mode_text(Kind::directory, 01777) == "drwxrwxrwt");
  CHECK(mode_text(Kind::directory, 01776) == "drwxrwxrwT");
}

TEST_CASE("times are local, before 1970 too") {
  ::setenv("TZ", "UTC-1", 1);
  ::tzset();
  CHECK(time_text(1'700'000'000'000'000'000) == "2023-11-14 23:13");
  CHECK(exact_time_text(1'700'000'000'000'000'017) == "2023-11-14 23:13:20.000000017 +0100");
  CHECK(exact_time_text(-1) == "1970-01-01 00:59:59.999999999 +0100");
}

TEST_CASE("names cannot act on a terminal") {
  CHECK(escaped("plain name") == "plain name");
  CHECK(escaped("gr\xc3\xbc\xc3\x9f"
                "e") ==
        "gr\xc3\xbc\xc3\x9f"
        "e");
  CHECK(escaped("a\x1b[2Jb\n") == "a\\x1b[2Jb\\x0a");
  CHECK(escaped("\xff\xc2\x9b") == "\\xff\\xc2\\x9b");
  CHECK(escaped("\xe2\x82") == "\\xe2\\x82");
  CHECK(escaped("a\\x") == "a\\x5cx");
  CHECK(one_line("a\\x\ny") == "a\\x\\x0ay");
}

TEST_CASE("names have the colour of what they name") {
  CHECK(coloured("d", Kind::directory, 0755) == "\x1b[1;34md\x1b[0m");
  CHECK(coloured("run", Kind::file, 0755) == "\x1b[32mrun\x1b[0m");
  CHECK(coloured("link", Kind::other, 0777) == "\x1b[36mlink\x1b[0m");
  CHECK(coloured("file", Kind::file, 0644) == "file");
}

TEST_CASE("JSON is escaped and stays valid UTF-8") {
  CHECK(json_string("a\"b\\c\nd\te\x01") == R"("a\"b\\c\nd\te\u0001")");
  CHECK(json_string("\xff") == "\"\xef\xbf\xbd\"");
  const std::string text = JsonObject()
                               .add("name", "x")
                               .add("size", std::uint64_t{18446744073709551615u})
                               .add("time", std::int64_t{-1})
                               .add("held", true)
                               .add_raw("list", json_array({"1", "2"}))
                               .text();
  CHECK(text ==
        R"({"name": "x", "size": 18446744073709551615, "time": -1, "held": true, "list": [1, 2]})");
  CHECK(JsonObject().text() == "{}");
  CHECK(json_array({}) == "[]");
}
