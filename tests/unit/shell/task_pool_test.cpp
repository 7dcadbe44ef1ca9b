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
