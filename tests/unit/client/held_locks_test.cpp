// Until when locks surely live, as far as this side can know: proofs of the session, gaps between
// them, doubts after a restart.
#include "client/held_locks.hpp"

#include "tests/support/catch.hpp"

namespace sluice::tests {
namespace {

using client::HeldLocks;
using protocol::Code;
using runtime::Time;
using Tokens = std::vector<std::string>;

const std::string five = "5-0123456789abcdef";
const std::string fifty = "50-0123456789abcdef";
const protocol::Error broken{Code::fenced, {}, "broken"};

protocol::AcquireLockReply grant(const std::string& token, std::uint32_t ttl_ms = 1'000) {
  return {token, ttl_ms};
}

TEST_CASE("what the session sends proves all its locks") {
  HeldLocks locks;
  locks.prove(Time(10'000), Time(10'010));
  CHECK_FALSE(locks.add(grant(five), Time(10'020)));
  CHECK_FALSE(locks.add(grant(fifty, 5'000), Time(10'020)));
  CHECK(locks.find(five)->end() == Time(11'000));
  CHECK(locks.prove(Time(10'500), Time(10'990)).empty());
  CHECK(locks.find(five)->end() == Time(11'500));
  CHECK(locks.find(fifty)->end() == Time(15'500));
  // An earlier one changes nothing.
  CHECK(locks.prove(Time(10'100), Time(11'000)).empty());
  CHECK_FALSE(locks.find(five)->is_lost(Time(11'500)));
  CHECK(locks.find(five)->is_lost(Time(11'501)));
  CHECK(locks.find(five)->loss()->code == Code::lease_expired);
}

TEST_CASE("after a gap the server is asked about those that may have ended in it") {
  HeldLocks locks;
  locks.prove(Time(10'000), Time(10'000));
  locks.add(grant(five), Time(10'000));
  locks.add(grant(fifty, 5'000), Time(10'000));
  CHECK(locks.prove(Time(12'000), Time(12'100)) == Tokens{five});
  const auto held = locks.find(five);
  CHECK(held->end() == Time(11'000));
  CHECK(locks.find(fifty)->end() == Time(17'000));
  // Once is enough.
  CHECK(locks.prove(Time(12'200), Time(12'300)).empty());
  SECTION("it answers in time") {
    CHECK(held->renewed(Time(12'150), Time(12'400)));
    CHECK(held->end() == Time(13'200));
    locks.prove(Time(13'000), Time(13'100));
    CHECK(held->end() == Time(14'000));
  }
  SECTION("its answer is old already") {
    CHECK_FALSE(held->renewed(Time(12'150), Time(13'200)));
    locks.prove(Time(13'000), Time(13'250));
    CHECK(held->end() == Time(13'150));
    CHECK(held->renewed(Time(13'300), Time(13'400)));
    CHECK(held->end() == Time(14'300));
  }
}

TEST_CASE("a grant that comes long after its request has to be asked about") {
  HeldLocks locks;
  locks.prove(Time(10'000), Time(10'000));
  CHECK(locks.add(grant(five), Time(11'001)));
  CHECK(locks.find(five)->end() == Time(12'001));
}

TEST_CASE("after a restart nothing but the server's word about it moves a lock on") {
  HeldLocks locks;
  locks.prove(Time(10'000), Time(10'000));
  locks.add(grant(five), Time(10'000));
  locks.doubt_all();
  CHECK(locks.prove(Time(10'400), Time(10'500)).empty());
  CHECK(locks.find(five)->end() == Time(11'000));
  locks.add(grant(fifty), Time(10'600));
  CHECK(locks.find(fifty)->end() == Time(11'400));
  CHECK(locks.find(five)->renewed(Time(10'450), Time(10'700)));
  CHECK(locks.find(five)->end() == Time(11'450));
  locks.prove(Time(10'800), Time(10'900));
  CHECK(locks.find(five)->end() == Time(11'800));
}

TEST_CASE("a lock is lost by its token or number, and the first reason stays") {
  HeldLocks locks;
  locks.add(grant(five), Time(0));
  locks.add(grant(fifty), Time(0));
  const auto first = locks.find(five), second = locks.find(fifty);
  locks.lose(5, broken);
  CHECK_FALSE(second->loss().has_value());
  locks.lose(50, {Code::lease_expired, {}, {}});
  locks.lose(five, {Code::lease_expired, {}, {}});
  locks.lose(7, broken);
  CHECK(first->loss()->detail == "broken");
  CHECK(second->loss()->code == Code::lease_expired);
  CHECK(first->is_lost(Time(0)));
  locks.remove(five);
  CHECK(locks.find(five) == nullptr);
  CHECK(locks.find_or_lost(grant(five))->is_lost(Time(0)));
  locks.lose_all(broken);
  CHECK(locks.find(fifty) == nullptr);
}

}  // namespace
}  // namespace sluice::tests
