// Tasks that add tasks: all are done, few threads or many, and a failure ends it.
#include "client/shell/task_pool.hpp"

#include <atomic>
#include <stdexcept>

#include "tests/support/catch.hpp"

using namespace sluice::shell;

namespace {

void grow(TaskPool& pool, std::atomic<int>& done, int depth) {
  ++done;
  if (depth == 0) return;
  for (int i = 0; i < 3; ++i) pool.add([&pool, &done, depth] { grow(pool, done, depth - 1); });
}

}  // namespace

TEST_CASE("every task is done once") {
  for (std::size_t threads : {1, 2, 8}) {
    TaskPool pool(threads);
    std::atomic<int> done = 0;
    pool.run();
    CHECK(done == 0);
    pool.add([&] { grow(pool, done, 6); });
    pool.run();
    CHECK(done == 1093);
    pool.add([&] { grow(pool, done, 0); });
    pool.run();
    CHECK(done == 1094);
  }
}

TEST_CASE("the last task added is done first") {
  TaskPool pool(1);
  std::string order;
  for (char name : {'a', 'b', 'c'}) pool.add([&order, name] { order += name; });
  pool.run();
  CHECK(order == "cba");
}

TEST_CASE("a failure drops what waits and comes out") {
  for (std::size_t threads : {1, 4}) {
    TaskPool pool(threads);
    std::atomic<int> done = 0;
    for (int i = 0; i < 100; ++i) pool.add([&] { ++done; });
    pool.add([] { throw std::runtime_error("failed"); });
    CHECK_THROWS_WITH(pool.run(), "failed");
    const int before = done;
    CHECK(before <= 100);
    // Usable again.
    pool.add([&] { done = -1; });
    pool.run();
    CHECK(done == -1);
  }
}

TEST_CASE("each of a series is done once, and few of it wait") {
  for (std::size_t threads : {1, 2, 8}) {
    TaskPool pool(threads);
    std::vector<std::atomic<int>> done(1'000);
    std::atomic<int> others = 0;
    pool.add_each(done.size(), [&](std::size_t i) {
      ++done[i];
      if (i % 100 == 0) pool.add_each(3, [&](std::size_t) { ++others; });
    });
    pool.add_each(0, [&](std::size_t) { ++others; });
    pool.run();
    CHECK(std::all_of(done.begin(), done.end(), [](const auto& times) { return times == 1; }));
    CHECK(others == 30);
  }
}

TEST_CASE("a series ends with the first failure") {
  TaskPool pool(1);
  int done = 0;
  pool.add_each(100, [&](std::size_t i) {
    ++done;
    if (i == 10) throw std::runtime_error("no more");
  });
  CHECK_THROWS_AS(pool.run(), std::runtime_error);
  CHECK(done == 11);
}
