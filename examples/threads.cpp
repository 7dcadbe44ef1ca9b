// Eight threads share one Client: each puts files by futures, counts in one file under a lock,
// reads everything back, and stops a wait that would never end. Says what went wrong, and ends with
// 1 then.
//     threads ENDPOINT
#include <atomic>
#include <cstdio>
#include <sluice/client.hpp>
#include <thread>

namespace {

using namespace std::chrono_literals;
constexpr int threads = 8, rounds = 20;

void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

void put_and_read(sluice::Client& client, const std::string& directory) {
  client.make_directory(directory);
  std::vector<std::future<std::uint64_t>> puts;
  for (int i = 0; i < rounds; ++i)
    puts.push_back(client.async().put_bytes(directory + "/" + std::to_string(i), directory));
  for (auto& put : puts) put.get();
  expect(client.async().list(directory).get().size() == rounds, "a file is missing");
  expect(client.get_bytes(directory + "/7") == directory, "a file is wrong");
}

void count(sluice::Client& client) {
  for (int i = 0; i < rounds; ++i) {
    const sluice::Lock lock = client.acquire({{.path = "count"}}, {.wait = 5min});
    const int before = std::stoi(client.get_bytes("count"));
    client.under(lock).put_bytes("count", std::to_string(before + 1));
  }
}

void cancel(sluice::Client& client) {
  std::stop_source stop;
  auto never = client.async().acquire({{.path = "held"}}, {.wait = 1h, .stop = stop.get_token()});
  expect(never.wait_for(10ms) == std::future_status::timeout, "a lock was granted twice");
  stop.request_stop();
  try {
    never.get();
    expect(false, "a cancelled wait succeeded");
  } catch (const sluice::Error& error) {
    expect(error.code() == "cancelled", error.what());
  }
}

}  // namespace

int main(int, char** arguments) try {
  sluice::Client client({.endpoint = arguments[1], .name = "example"});
  client.put_bytes("count", "0");
  const sluice::Lock held = client.acquire({{.path = "held"}});
  std::atomic<int> failed = 0;
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&, i] {
      try {
        put_and_read(client, "thread-" + std::to_string(i));
        count(client);
        cancel(client);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "thread %d: %s\n", i, error.what());
        ++failed;
      }
    });
  running.clear();
  expect(failed == 0 && client.get_bytes("count") == std::to_string(threads * rounds),
         "miscounted");
} catch (const std::exception& error) {
  std::fprintf(stderr, "threads: %s\n", error.what());
  return 1;
}
