// The dispatch as plain data: which worker gets which job.
#include "broker/dispatch.hpp"

#include "tests/support/catch.hpp"

using sluice::broker::Dispatch;
using sluice::broker::WorkerState;

namespace {

WorkerState& join(Dispatch& dispatch, const std::string& peer, std::uint32_t slots = 64) {
  WorkerState worker;
  worker.peer = peer;
  worker.slots = slots;
  return dispatch.join(std::move(worker));
}

// Who gets the next job; "" if nobody.
std::string next(Dispatch& dispatch, std::uint64_t job, bool heavy = false) {
  dispatch.enqueue(job, heavy);
  const auto given = dispatch.next();
  if (!given) return "";
  CHECK(given->job == job);
  return given->worker->peer;
}

}  // namespace

TEST_CASE("small jobs go to the worker that was busy last until it has a few", "[dispatch]") {
  Dispatch dispatch;
  join(dispatch, "a");
  WorkerState& b = join(dispatch, "b");
  for (std::uint64_t job = 1; job <= Dispatch::busy_enough; ++job)
    CHECK(next(dispatch, job) == "a");
  CHECK(next(dispatch, 5) == "b");
  dispatch.finish(b, 5);
  CHECK(next(dispatch, 6) == "b");
}

TEST_CASE("heavy jobs go to the least busy worker", "[dispatch]") {
  Dispatch dispatch;
  join(dispatch, "a");
  join(dispatch, "b");
  join(dispatch, "c");
  CHECK(next(dispatch, 1) == "a");
  CHECK(next(dispatch, 2, true) == "b");
  CHECK(next(dispatch, 3, true) == "c");
  CHECK(next(dispatch, 4, true) == "a");
}

TEST_CASE("small jobs do not wait behind a heavy one while another worker is free", "[dispatch]") {
  Dispatch dispatch;
  WorkerState& a = join(dispatch, "a");
  WorkerState& b = join(dispatch, "b");
  CHECK(next(dispatch, 1, true) == "a");
  for (std::uint64_t job = 2; job < 12; ++job) CHECK(next(dispatch, job) == "b");
  // Where all have heavy ones, fewer of them count before fewer jobs.
  CHECK(next(dispatch, 12, true) == "b");
  CHECK(next(dispatch, 13) == "a");
  dispatch.park(a, 1);
  CHECK(a.heavy.empty());
  dispatch.finish(b, 12);
  CHECK(b.heavy.empty());
}

TEST_CASE("slots bound what a worker has; parked jobs hold none", "[dispatch]") {
  Dispatch dispatch;
  WorkerState& a = join(dispatch, "a", 2);
  CHECK(next(dispatch, 1) == "a");
  CHECK(next(dispatch, 2) == "a");
  CHECK(next(dispatch, 3).empty());
  CHECK(dispatch.waiting() == 1);
  CHECK(dispatch.front() == 3);
  dispatch.park(a, 1);
  const auto given = dispatch.next();
  REQUIRE(given);
  CHECK(given->job == 3);
  CHECK(a.parked == std::set<std::uint64_t>{1});
  CHECK(a.running == std::set<std::uint64_t>{2, 3});
  // What was finished is not parked by a late word.
  dispatch.finish(a, 2);
  dispatch.park(a, 2);
  CHECK(a.parked.size() == 1);
  dispatch.finish(a, 1);
  CHECK(a.parked.empty());
}

TEST_CASE("jobs wait in order, and lost ones before the others", "[dispatch]") {
  Dispatch dispatch;
  CHECK_FALSE(dispatch.front());
  CHECK_FALSE(dispatch.next());
  for (std::uint64_t job : {1, 2, 3}) dispatch.enqueue(job, false);
  dispatch.enqueue_again(9, true);
  CHECK(dispatch.withdraw(2));
  CHECK_FALSE(dispatch.withdraw(2));
  CHECK_FALSE(dispatch.next());
  join(dispatch, "a");
  CHECK(dispatch.next()->job == 9);
  CHECK(dispatch.next()->job == 1);
  CHECK(dispatch.next()->job == 3);
  CHECK_FALSE(dispatch.next());
}

TEST_CASE("a worker that is removed hands back what it had", "[dispatch]") {
  Dispatch dispatch;
  WorkerState& a = join(dispatch, "a");
  next(dispatch, 1);
  next(dispatch, 2);
  dispatch.park(a, 1);
  const auto gone = dispatch.remove("a");
  REQUIRE(gone);
  CHECK(gone->parked == std::set<std::uint64_t>{1});
  CHECK(gone->running == std::set<std::uint64_t>{2});
  CHECK_FALSE(dispatch.remove("a"));
  CHECK(dispatch.find("a") == nullptr);
  CHECK(dispatch.workers().empty());
  // The one that was busy last is gone: that is no worker.
  CHECK(next(dispatch, 3).empty());
}
