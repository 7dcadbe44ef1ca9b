// History, order, bounds and those who wait, without an actor around them.
#include "broker/locks/watch_log.hpp"

#include <fmt/format.h>

#include "protocol/path.hpp"
#include "tests/support/catch.hpp"

namespace sluice::tests {
namespace {

using broker::locks::WatchLog;
using protocol::EventKind;
using protocol::WatchEvent;
using Events = std::vector<WatchEvent>;
using Names = std::vector<std::string>;

WatchEvent event(const std::string& path, EventKind kind = EventKind::put) {
  WatchEvent event;
  event.kind = kind;
  event.path = path;
  return event;
}

WatchEvent renamed(const std::string& path, const std::string& to_path) {
  WatchEvent renamed = event(path, EventKind::rename);
  renamed.to_path = to_path;
  return renamed;
}

WatchEvent locked(const std::string& path, bool tree) {
  WatchEvent locked = event(path, EventKind::lock);
  locked.tree = tree;
  return locked;
}

void put(WatchLog& log, std::uint64_t number, const std::string& path = "a") {
  log.tell(number, {event(path)});
}

// "VERSION PATH", with "gap" before and "next N" behind.
Names shown(const WatchLog::Reply& reply) {
  Names lines;
  if (reply.gap) lines.emplace_back("gap");
  for (const auto& each : reply.events)
    lines.push_back(fmt::format("{} {}", each.version, each.path));
  lines.push_back(fmt::format("next {}", reply.next));
  return lines;
}

Names read(const WatchLog& log, std::uint64_t after, const std::string& path = "") {
  return shown(log.read({path, true, after}));
}

// "ID: ...", of all that were woken.
Names answers(WatchLog& log) {
  Names lines;
  for (const auto& [id, reply] : log.take_answers())
    lines.push_back(fmt::format("{}: {}", id, fmt::join(shown(reply), ", ")));
  return lines;
}

WatchLog::Bounds small() {
  WatchLog::Bounds bounds;
  bounds.events = 4;
  bounds.reply_events = 3;
  return bounds;
}

}  // namespace

TEST_CASE("events are told in the order of their numbers", "[watch]") {
  WatchLog log(100);
  log.park(1, {"", true, 100});
  log.begin(101);
  log.begin(102);
  put(log, 103, "c");
  put(log, 102, "b");
  CHECK(log.now() == 100);
  CHECK(answers(log).empty());
  CHECK(read(log, 100) == Names{"next 100"});
  SECTION("the first one has happened") {
    put(log, 101, "a");
    CHECK(answers(log) == Names{"1: 101 a, 102 b, 103 c, next 103"});
  }
  SECTION("the first one has failed") {
    log.tell(101, {});
    CHECK(answers(log) == Names{"1: 102 b, 103 c, next 103"});
  }
  CHECK(log.parked() == 0);
  CHECK(read(log, 102) == Names{"103 c", "next 103"});
  CHECK(read(log, 103) == Names{"next 103"});
}

TEST_CASE("what a place sees of an event", "[watch]") {
  struct Case {
    WatchEvent event;
    std::string path;
    bool direct;
    bool recursive;
  };
  const Case cases[] = {
      {event("d/a"), "", false, true},
      {event("a"), "", true, true},
      {event(""), "", true, true},
      {event(""), "a", false, false},
      {event("d/a"), "d", true, true},
      {event("d/a"), "d/a", true, true},
      {event("d/a/b"), "d", false, true},
      {event("d"), "d/a", false, false},
      {event("da"), "d", false, false},
      {event("d", EventKind::remove), "d/a/b", true, true},
      {event("dx", EventKind::remove), "d/a", false, false},
      {renamed("x", "d/a"), "d", true, true},
      {renamed("d/a", "x/y/z"), "d/a/b", true, true},
      {renamed("x", "d"), "d/a/b", true, true},
      {renamed("x", "y"), "d", false, false},
      {locked("d", true), "d/a/b", true, true},
      {locked("d", false), "d/a/b", false, false},
      {locked("", true), "d/a/b", true, true},
  };
  for (const Case& each : cases) {
    for (const bool recursive : {false, true}) {
      CAPTURE(each.event.path, each.event.to_path, each.path, recursive);
      WatchLog log(0);
      log.park(7, {each.path, recursive, 0});
      log.tell(1, {each.event});
      const bool seen = recursive ? each.recursive : each.direct;
      CHECK(log.read({each.path, recursive, 0}).events.size() == (seen ? 1 : 0));
      // Who waits is found in another way, and must hear the same.
      CHECK(log.is_woken(7) == seen);
      CHECK(log.take_answers().size() == (seen ? 1 : 0));
    }
  }
}

TEST_CASE("who waits hears only of numbers after its own, and once", "[watch]") {
  WatchLog log(0);
  log.begin(1);
  log.begin(2);
  // It knows the number of a change whose place in the order is still held back.
  log.park(5, {"a", false, 2});
  log.park(6, {"a", false, 0});
  log.park(7, {"b", false, 0});
  put(log, 2);
  put(log, 1);
  CHECK(answers(log) == Names{"6: 1 a, 2 a, next 2"});
  CHECK(log.parked() == 2);
  log.unpark(7);
  log.unpark(99);
  put(log, 3);
  put(log, 4, "b");
  CHECK(answers(log) == Names{"5: 3 a, next 4"});
  CHECK(log.parked() == 0);
  CHECK(answers(log).empty());
}

TEST_CASE("who waits in vain is told how far it has seen", "[watch]") {
  WatchLog log(0);
  log.park(1, {"b", false, 0});
  put(log, 1);
  CHECK(shown(log.nothing(1)) == Names{"next 1"});
  log.begin(2);
  log.park(2, {"b", false, 2});
  CHECK(shown(log.nothing(2)) == Names{"next 2"});
}

TEST_CASE("what is forgotten is a gap for those who had not seen it", "[watch]") {
  WatchLog log(10, small());
  CHECK(read(log, 9) == Names{"gap", "next 10"});
  CHECK(read(log, 10) == Names{"next 10"});
  log.park(1, {"other", true, 10});
  for (std::uint64_t number = 11; number <= 16; ++number) put(log, number);
  CHECK(log.size() == 4);
  CHECK(read(log, 13) == Names{"14 a", "15 a", "16 a", "next 16"});
  CHECK(read(log, 12) == Names{"13 a", "14 a", "15 a", "next 15"});
  CHECK(read(log, 11) == Names{"gap", "13 a", "14 a", "15 a", "next 15"});
  CHECK(read(log, 0, "x") == Names{"gap", "next 16"});
  // For one that waited, nothing of it was its own.
  CHECK(answers(log).empty());
  put(log, 17, "other/x");
  CHECK(answers(log) == Names{"1: 17 other/x, next 17"});
}

TEST_CASE("numbers that were never drawn are of a future that was lost", "[watch]") {
  WatchLog log(10);
  put(log, 11);
  CHECK(read(log, 12) == Names{"gap", "next 11"});
  log.begin(12);
  CHECK(read(log, 12) == Names{"next 12"});
}

TEST_CASE("events of one number are never torn apart", "[watch]") {
  WatchLog log(0, small());
  put(log, 1);
  put(log, 2);
  log.tell(3, {event("x"), event("y")});
  CHECK(read(log, 0) == Names{"1 a", "2 a", "next 2"});
  CHECK(read(log, 2) == Names{"3 x", "3 y", "next 3"});
  CHECK(read(log, 0, "x") == Names{"3 x", "next 3"});
  // More than an answer may have, all at once; and they are forgotten together.
  log.tell(4, {event("p"), event("q"), event("r"), event("s")});
  CHECK(read(log, 3) == Names{"4 p", "4 q", "4 r", "4 s", "next 4"});
  CHECK(read(log, 2) == Names{"gap", "4 p", "4 q", "4 r", "4 s", "next 4"});
}

TEST_CASE("an answer fits into a message, however long the paths", "[watch]") {
  WatchLog log(0);
  const std::string longest(protocol::limits::path_bytes, 'p');
  for (std::uint64_t number = 1; number <= 400; ++number)
    log.tell(number, {renamed(longest, longest)});
  std::uint64_t after = 0;
  std::size_t seen = 0;
  int rounds = 0;
  for (WatchLog::Reply reply; seen < 400; ++rounds) {
    reply = log.read({"", true, after});
    REQUIRE(!reply.events.empty());
    CHECK(!reply.gap);
    CHECK(protocol::encode(reply).size() < protocol::limits::body_bytes);
    seen += reply.events.size();
    after = reply.next;
  }
  CHECK(rounds > 3);
  CHECK(after == 400);
}

TEST_CASE("many who waited are told but the first of much", "[watch]") {
  WatchLog log(0);
  log.park(1, {"", true, 0});
  log.begin(1);
  for (std::uint64_t number = 2; number <= 400; ++number) put(log, number);
  put(log, 1);
  const auto answers = log.take_answers();
  REQUIRE(answers.size() == 1);
  const auto& reply = answers[0].second;
  CHECK(reply.events.size() > 10);
  CHECK(reply.events.size() < 200);
  CHECK(reply.next == reply.events.back().version);
  CHECK(log.read({"", true, reply.next}).events.size() == 400 - reply.events.size());
}

TEST_CASE("memory is bounded by bytes, too", "[watch]") {
  WatchLog::Bounds bounds;
  bounds.bytes = 10'000;
  WatchLog log(0, bounds);
  for (std::uint64_t number = 1; number <= 100; ++number) put(log, number, std::string(2000, 'p'));
  CHECK(log.size() == 4);
  CHECK(log.read({"", true, 0}).gap);
}

TEST_CASE("one request looks through so much and no more", "[watch]") {
  WatchLog::Bounds bounds;
  bounds.scan = 10;
  WatchLog log(0, bounds);
  for (std::uint64_t number = 1; number <= 25; ++number) put(log, number);
  put(log, 26, "b");
  CHECK(read(log, 0, "b") == Names{"next 10"});
  CHECK(log.is_worth_telling(log.read({"b", true, 0})));
  CHECK(read(log, 10, "b") == Names{"next 20"});
  CHECK(read(log, 20, "b") == Names{"26 b", "next 26"});
  CHECK(!log.is_worth_telling(log.read({"b", true, 26})));
}

TEST_CASE("too much behind one that does not end is a gap for all, when it has ended", "[watch]") {
  WatchLog log(0, small());
  log.begin(1);
  for (std::uint64_t number = 2; number <= 6; ++number) put(log, number);
  log.begin(7);
  for (std::uint64_t number = 8; number <= 30; ++number) put(log, number);
  CHECK(log.size() <= 4);
  CHECK(log.now() == 0);
  log.park(1, {"none", false, 0});
  CHECK(answers(log).empty());
  put(log, 1);
  CHECK(answers(log) == Names{"1: gap, next 6"});
  CHECK(log.now() == 6);
  log.park(2, {"none", false, 6});
  log.tell(7, {});
  const Names told = answers(log);
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("2: gap, "));
  CHECK(told[0].ends_with("next 30"));
  CHECK(read(log, 0).front() == "gap");
  CHECK(read(log, 30) == Names{"next 30"});
}

TEST_CASE("something that cannot be told is a gap", "[watch]") {
  WatchLog log(0);
  put(log, 1);
  log.park(3, {"none", false, 1});
  log.lose(2);
  CHECK(answers(log) == Names{"3: gap, next 2"});
  CHECK(read(log, 1) == Names{"gap", "next 2"});
  CHECK(read(log, 2) == Names{"next 2"});
}

}  // namespace sluice::tests
