// The error table: every code has a row, rows are distinct, sentences have their form.
#include "protocol/errors.hpp"

#include <map>
#include <set>
#include <vector>

#include "tests/support/catch.hpp"

namespace sluice::protocol {
namespace {

// A switch without default: the compiler tells when a code is missing here.
bool is_enumerator(Code code) {
  switch (code) {
    case Code::bad_message:
    case Code::unknown_type:
    case Code::version_mismatch:
    case Code::hello_required:
    case Code::window_exceeded:
    case Code::too_large:
    case Code::overloaded:
    case Code::shutting_down:
    case Code::cancelled:
    case Code::bad_session:
    case Code::bad_path:
    case Code::not_found:
    case Code::exists:
    case Code::is_directory:
    case Code::not_directory:
    case Code::not_empty:
    case Code::condition_failed:
    case Code::denied:
    case Code::not_regular:
    case Code::locked:
    case Code::wait_timeout:
    case Code::fenced:
    case Code::not_covered:
    case Code::lease_expired:
    case Code::too_many_locks:
    case Code::deadlock:
    case Code::unknown_upload:
    case Code::upload_incomplete:
    case Code::upload_conflict:
    case Code::digest_mismatch:
    case Code::snapshot_gone:
    case Code::damaged:
    case Code::no_space:
    case Code::io_error:
    case Code::log_failed:
    case Code::root_unusable:
    case Code::root_served:
    case Code::wrong_root:
    case Code::unreachable:
    case Code::timed_out:
    case Code::local_io:
    case Code::interrupted:
    case Code::usage:
    case Code::cannot_listen:
    case Code::cannot_run:
    case Code::no_command:
    case Code::bad_config:
    case Code::locks_damaged:
    case Code::source_changed:
      return true;
  }
  return false;
}

std::vector<Code> all_codes() {
  std::vector<Code> codes;
  for (unsigned number = 0; number <= 0xffff; ++number)
    if (is_enumerator(static_cast<Code>(number))) codes.push_back(static_cast<Code>(number));
  return codes;
}

TEST_CASE("every code has a row in the table, and nothing else has") {
  for (unsigned number = 0; number <= 0xffff; ++number) {
    const auto code = static_cast<Code>(number);
    if (is_known(static_cast<std::uint16_t>(number)) != is_enumerator(code))
      FAIL_CHECK("number " << number << " is not both in errors.hpp and errors.cpp");
  }
  CHECK_FALSE(is_known(0));
}

TEST_CASE("names are distinct identifiers") {
  std::set<std::string> names;
  for (const Code code : all_codes()) {
    const std::string text(name(code));
    INFO(text);
    CHECK(names.insert(text).second);
    CHECK(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK(text != "unknown_error");
  }
}

TEST_CASE("exit statuses are those of the command line") {
  const std::set<int> allowed{1, 2, 3, 4, 5, 6, 7, 8, 9, 126, 127, 130};
  for (const Code code : all_codes()) {
    INFO(name(code));
    CHECK(allowed.contains(exit_status(code)));
  }
  const std::map<Code, int> some{
      {Code::no_space, 1},      {Code::bad_path, 2},        {Code::usage, 2},
      {Code::not_found, 3},     {Code::exists, 4},          {Code::not_empty, 4},
      {Code::locked, 5},        {Code::wait_timeout, 5},    {Code::condition_failed, 4},
      {Code::fenced, 6},        {Code::denied, 7},          {Code::not_covered, 6},
      {Code::lease_expired, 6}, {Code::unreachable, 8},     {Code::damaged, 9},
      {Code::overloaded, 8},    {Code::digest_mismatch, 9}, {Code::interrupted, 130}};
  for (const auto& [code, status] : some) {
    INFO(name(code));
    CHECK(exit_status(code) == status);
  }
}

TEST_CASE("a sentence says where, what, why and what to do") {
  CHECK(sentence({Code::not_found, "a/b", "parent"}) ==
        "a/b: no such file or directory (parent); check the name");
  CHECK(sentence({Code::not_found, "a/b", ""}) == "a/b: no such file or directory; check the name");
  CHECK(sentence({Code::not_found, "", ""}) == "no such file or directory; check the name");
  for (const Code code : all_codes()) {
    const std::string text = sentence({code, "", ""});
    INFO(text);
    const auto middle = text.find("; ");
    REQUIRE(middle != std::string::npos);
    CHECK(middle > 3);
    CHECK(text.size() > middle + 5);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.back() != '.');
  }
}

TEST_CASE("errors of a newer peer are spoken of all the same") {
  const auto code = static_cast<Code>(999);
  CHECK(name(code) == "unknown_error");
  CHECK(exit_status(code) == 1);
  CHECK(sentence({code, "a", "why"}) == "a: an error this version does not know (why)");
}

TEST_CASE("fail makes an error of three parts") {
  const Result<int> result = fail(Code::locked, "a", "by b");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Code::locked);
  CHECK(result.error().path == "a");
  CHECK(result.error().detail == "by b");
}

}  // namespace
}  // namespace sluice::protocol
