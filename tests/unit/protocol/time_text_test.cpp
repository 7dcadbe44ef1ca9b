// How messages tell a stretch of time.
#include "protocol/time_text.hpp"

#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

TEST_CASE("a stretch of time is told in its two largest units") {
  CHECK(time_text(0) == "0 s");
  CHECK(time_text(59) == "59 s");
  CHECK(time_text(60) == "1 min");
  CHECK(time_text(185) == "3 min 5 s");
  CHECK(time_text(3'600) == "1 h");
  CHECK(time_text(3'659) == "1 h");
  CHECK(time_text(3'660) == "1 h 1 min");
  CHECK(time_text(86'399) == "23 h 59 min");
  CHECK(time_text(86'400) == "1 d");
  CHECK(time_text(30 * 86'400 + 6 * 3'600 + 59) == "30 d 6 h");
}

}  // namespace
}  // namespace sluice::protocol
