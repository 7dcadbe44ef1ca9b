// See large.hpp. A file is transferred as often as fits into the time, at least once by each
// client.
#include "bench/large.hpp"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <sluice/client.hpp>
#include <thread>

#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Bytes that differ from leaf to leaf but cost next to nothing to make.
std::size_t fill(std::uint64_t offset, char* buffer, std::size_t size) {
  static const std::string pattern = runtime::SystemSecrets().bytes(1 << 20);
  for (std::size_t done = 0; done < size;) {
    const std::size_t at = (offset + done) % pattern.size();
    const std::size_t part = std::min(size - done, pattern.size() - at);
    std::memcpy(buffer + done, pattern.data() + at, part);
    done += part;
  }
  return size;
}

struct LargeRun {
  explicit LargeRun(const Options& options)
      : options(options),
        directory("bench-" + protocol::to_hex(runtime::SystemSecrets().bytes(4))) {}

  void client_loop(unsigned index) {
    sluice::Client client(
        {.endpoint = options.server, .name = fmt::format("sluice-bench/{}", index)});
    const std::string path = fmt::format("{}/{}", directory, index);
    const sluice::Source source{options.size_bytes, fill};
    if (options.op == "get") client.put(path, source);
    barrier();
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(options.seconds));
    do {
      const auto begin = Clock::now();
      if (options.op == "get")
        client.get(path, [](std::uint64_t, std::string_view) {});
      else
        client.put(path, source);
      const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
      const std::lock_guard lock(mutex);
      result.latencies_us.push_back(took.count());
      ++result.ops;
    } while (Clock::now() < end);
  }

  // All begin together, when the last one is prepared.
  void barrier() {
    std::unique_lock lock(mutex);
    if (++ready == options.clients) {
      begin = Clock::now();
      all_ready.notify_all();
    }
    all_ready.wait(lock, [this] { return ready >= options.clients || failed; });
  }

  void guarded(unsigned index) {
    try {
      client_loop(index);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex);
      if (result.errors++ == 0) result.first_error = error.what();
      failed = true;
      all_ready.notify_all();
    }
  }

  const Options& options;
  std::string directory;
  std::mutex mutex;
  std::condition_variable all_ready;
  unsigned ready = 0;
  bool failed = false;
  Clock::time_point begin;
  Result result;
};

}  // namespace

Result run_large(const Options& options) {
  LargeRun run(options);
  run.result.op = options.op;
  run.result.size_bytes = options.size_bytes;
  run.result.clients = options.clients;
  sluice::Client({.endpoint = options.server}).make_directory(run.directory);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.clients; ++i)
    threads.emplace_back([&run, i] { run.guarded(i); });
  for (std::thread& thread : threads) thread.join();
  run.result.seconds = std::chrono::duration<double>(Clock::now() - run.begin).count();
  return std::move(run.result);
}

}  // namespace sluice::bench
