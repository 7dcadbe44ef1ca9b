// Sessions, leases and deadlines.
#include "broker/locks/leases.hpp"

#include "tests/support/catch.hpp"

namespace {

using namespace sluice::broker::locks;
constexpr std::uint64_t ann = 1, bob = 2;
Time ms(int count) {
  return Time{count};
}

}  // namespace

TEST_CASE("a session lives for its lease from its last sign", "[locks]") {
  Leases leases(10'000);
  CHECK_FALSE(leases.lives(ann, ms(0)));
  CHECK_FALSE(leases.is_dead(ann, ms(0)));
  CHECK(leases.name(ann) == "session 0000000000000001");
  CHECK(leases.lease_ms(ann) == 10'000);
  CHECK(leases.next() == never);
  leases.alive(ann, ms(0), "ann@host:1", 1000);
  CHECK(leases.name(ann) == "ann@host:1");
  CHECK(leases.lease_ms(ann) == 1000);
  CHECK(leases.lives(ann, ms(999)));
  CHECK_FALSE(leases.lives(ann, ms(1000)));
  CHECK(leases.is_dead(ann, ms(1000)));
  leases.alive(ann, ms(900));
  CHECK(leases.name(ann) == "ann@host:1");
  CHECK(leases.take_due(ms(1000)).sessions.empty());
  CHECK(leases.next() == ms(1900));
  CHECK(leases.take_due(ms(1900)).sessions == std::vector<std::uint64_t>{ann});
  CHECK(leases.next() == never);
  CHECK(leases.sessions() == 0);
}

TEST_CASE("a shorter lease rings earlier", "[locks]") {
  Leases leases(10'000);
  leases.meet(ann, ms(0));
  leases.meet(ann, ms(5000));
  CHECK(leases.next() == ms(10'000));
  leases.alive(ann, ms(100), {}, 500);
  CHECK(leases.next() == ms(600));
}

TEST_CASE("locks live from the last sign of their session or their own renewal", "[locks]") {
  Leases leases(10'000);
  leases.alive(ann, ms(0), "ann", 1000);
  leases.grant(7, ann, 1000, ms(0));
  leases.grant(8, ann, 3000, ms(0));
  CHECK(leases.ends(7) == ms(1000));
  leases.alive(ann, ms(500));
  CHECK(leases.ends(7) == ms(1500));
  CHECK(leases.ends(8) == ms(3500));
  CHECK(leases.take_due(ms(1499)).locks.empty());
  auto due = leases.take_due(ms(1500));
  CHECK(due.locks == std::vector<Id>{7});
  CHECK(due.sessions == std::vector<std::uint64_t>{ann});
  CHECK(leases.ends(7) == never);
  // The session is dead but known, for the lock that is left.
  CHECK(leases.is_dead(ann, ms(1500)));
  CHECK(leases.name(ann) == "ann");
  leases.renew(8, ms(3000));
  leases.renew(99, ms(3000));
  CHECK(leases.take_due(ms(5999)).locks.empty());
  CHECK(leases.take_due(ms(6000)).locks == std::vector<Id>{8});
  CHECK(leases.sessions() == 0);
  CHECK(leases.next() == never);
}

TEST_CASE("an ended session is revived by a sign", "[locks]") {
  Leases leases(1000);
  leases.grant(7, ann, 5000, ms(0));
  leases.end(ann);
  leases.end(bob);
  CHECK(leases.is_dead(ann, ms(1)));
  leases.alive(ann, ms(10));
  CHECK(leases.lives(ann, ms(11)));
  CHECK(leases.ends(7) == ms(5010));
  leases.drop(7);
  leases.drop(7);
  CHECK(leases.sessions() == 1);
  leases.end(ann);
  CHECK(leases.sessions() == 0);
}

TEST_CASE("waiters give up at their deadline, once", "[locks]") {
  Leases leases(1000);
  leases.wait_until(3, ms(50));
  leases.wait_until(4, ms(20));
  leases.wait_until(5, ms(30));
  leases.stop_waiting(5);
  leases.stop_waiting(5);
  CHECK(leases.deadline(3) == ms(50));
  CHECK(leases.deadline(5) == never);
  CHECK(leases.next() == ms(20));
  CHECK(leases.take_due(ms(60)).waiters == std::vector<Id>{4, 3});
  CHECK(leases.take_due(ms(60)).waiters.empty());
  CHECK(leases.next() == never);
}

TEST_CASE("signs of a session with many locks do not move their alarms", "[locks]") {
  Leases leases(1000);
  for (Id id = 1; id <= 10'000; ++id) leases.grant(id, ann, 1000, ms(0));
  for (int now = 0; now < 900; ++now) leases.alive(ann, ms(now));
  CHECK(leases.next() == ms(1000));
  CHECK(leases.take_due(ms(1000)).locks.empty());
  CHECK(leases.next() == ms(1899));
  CHECK(leases.take_due(ms(1899)).locks.size() == 10'000);
}

TEST_CASE("locks of a session share an alarm until one is renewed by itself", "[locks]") {
  Leases leases(10'000);
  leases.alive(ann, ms(0));
  leases.grant(1, ann, 1000, ms(0));
  leases.grant(2, ann, 1000, ms(0));
  leases.grant(3, ann, 500, ms(0));
  // Granted after the session's last sign: it has a time of its own.
  leases.grant(4, ann, 1000, ms(100));
  leases.renew(2, ms(300));
  CHECK(leases.next() == ms(500));
  leases.drop(3);
  CHECK(leases.take_due(ms(999)).locks.empty());
  CHECK(leases.take_due(ms(1000)).locks == std::vector<Id>{1});
  CHECK(leases.take_due(ms(1099)).locks.empty());
  leases.alive(ann, ms(1099));
  CHECK(leases.take_due(ms(1300)).locks.empty());
  CHECK(leases.ends(2) == ms(2099));
  CHECK(leases.ends(4) == ms(2099));
  leases.forgive(ms(3000));
  CHECK(leases.take_due(ms(2999)).locks.empty());
  CHECK(leases.take_due(ms(3000)).locks == std::vector<Id>{4, 2});
}

TEST_CASE("an ended session's locks go together when their time is over", "[locks]") {
  Leases leases(1000);
  leases.alive(ann, ms(0));
  for (Id id = 1; id <= 3; ++id) leases.grant(id, ann, 2000, ms(0));
  leases.end(ann);
  leases.drop(2);
  CHECK(leases.take_due(ms(1999)).locks.empty());
  CHECK(leases.take_due(ms(2000)).locks == std::vector<Id>{1, 3});
  CHECK(leases.sessions() == 0);
  CHECK(leases.next() == never);
}

TEST_CASE("times to live that no lock has any more are forgotten", "[locks]") {
  Leases leases(10'000);
  leases.alive(ann, ms(0), "ann", 5000);
  leases.grant(7, ann, 5000, ms(0));
  for (Id lock = 100; lock < 1'100; ++lock) {
    leases.grant(lock, ann, static_cast<std::uint32_t>(lock), ms(0));
    leases.drop(lock);
  }
  CHECK(leases.alarm_groups(ann) == 1);
  leases.drop(7);
  leases.grant(8, ann, 3000, ms(0));
  leases.drop(8);
  CHECK(leases.alarm_groups(ann) == 1);
  CHECK(leases.take_due(ms(4999)).locks.empty());
  CHECK(leases.take_due(ms(5000)).sessions == std::vector<std::uint64_t>{ann});
  CHECK(leases.sessions() == 0);
}
