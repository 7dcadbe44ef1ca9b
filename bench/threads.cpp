// See threads.hpp.
#include "bench/threads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "protocol/digest.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench {
namespace {

class Crew {
 public:
  Crew(const Options& options, const Prepare& prepare)
      : options_(options), prepare_(prepare), result_(options) {}

  Result run() {
    sluice::Client({.endpoint = options_.server}).make_directory(directory_);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.clients; ++i) threads.emplace_back([this, i] { guarded(i); });
    for (std::thread& thread : threads) thread.join();
    result_.seconds = std::chrono::duration<double>(last_ - counts_from_).count();
    return std::move(result_);
  }

 private:
  void guarded(unsigned index) {
    try {
      work(index);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      result_.failed(error.what());
      failed_ = true;
      all_ready_.notify_all();
    }
  }

  void work(unsigned index) {
    sluice::Client client(
        {.endpoint = options_.server, .name = fmt::format("sluice-bench/{}", index)});
    const Turn turn = prepare_(client, directory_, index);
    if (!all_are_ready()) return;
    Record record(counts_from_, counts_from_ + seconds(options_.seconds));
    do turn(record);
    while (!record.over());
    const std::lock_guard lock(mutex_);
    result_.latencies.add(record.latencies());
    last_ = std::max(last_, record.last());
  }

  // Waits for the others; false if one of them has failed.
  bool all_are_ready() {
    std::unique_lock lock(mutex_);
    if (++ready_ == options_.clients) {
      counts_from_ = Clock::now() + seconds(options_.warm_up_s);
      last_ = counts_from_;
      all_ready_.notify_all();
    }
    all_ready_.wait(lock, [this] { return ready_ >= options_.clients || failed_; });
    return !failed_;
  }

  const Options& options_;
  const Prepare& prepare_;
  const std::string directory_ = "bench-" + protocol::to_hex(runtime::SystemSecrets().bytes(4));
  std::mutex mutex_;
  std::condition_variable all_ready_;
  unsigned ready_ = 0;
  bool failed_ = false;
  Clock::time_point counts_from_;
  Clock::time_point last_;
  Result result_;
};

}  // namespace

void Record::done(Clock::time_point begun) {
  if (begun < counts_from_) return;
  last_ = Clock::now();
  latencies_.record(last_ - begun);
}

Result run_threads(const Options& options, const Prepare& prepare) {
  return Crew(options, prepare).run();
}

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

}  // namespace sluice::bench
