// Secrets of the system: as long as asked for, never the same twice, whatever is asked for in a
// row.
#include "runtime/secrets.hpp"

#include <set>
#include <string>

#include "tests/support/catch.hpp"

using namespace sluice::runtime;

TEST_CASE("secrets have the length asked for and do not repeat") {
  SystemSecrets secrets;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string eight = secrets.bytes(8);
    const std::string sixteen = secrets.bytes(16);
    CHECK(eight.size() == 8);
    CHECK(sixteen.size() == 16);
    CHECK(seen.insert(eight).second);
    CHECK(seen.insert(sixteen.substr(0, 8)).second);
    CHECK(seen.insert(sixteen.substr(8)).second);
  }
}

TEST_CASE("a long secret is random to its end") {
  SystemSecrets secrets;
  const std::string first = secrets.bytes(2000);
  const std::string second = secrets.bytes(2000);
  REQUIRE(first.size() == 2000);
  CHECK(first.substr(1984) != second.substr(1984));
  CHECK(first.substr(1984) != std::string(16, '\0'));
  CHECK(secrets.bytes(0).empty());
}
