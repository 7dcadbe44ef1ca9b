// steady SERVER WHAT COUNT|MIB CLIENTS: work whose longest stall is measured while a test kills or
// stops a worker under it. WHAT is put-small, get-small (COUNT files), put-large or get-large (one
// file of MIB MiB a client). Every content is checked, every version has to be the one its put was
// told. Says "under way" on standard error when a third of it is done, and prints one line of JSON
// at the end. Run by test_workers.py.
#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "sluice/client.hpp"
#include "tests/system/content.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using sluice::system_test::content;

constexpr std::size_t piece_bytes = 1u << 20;

std::mutex output;
std::atomic<std::uint64_t> stall_us = 0;
std::atomic<bool> told_under_way = false;
std::atomic<int> wrong = 0;

void complain(const std::string& text) {
  std::lock_guard lock(output);
  fmt::print(stderr, "steady: {}\n", text);
  ++wrong;
}

void tell_under_way() {
  if (told_under_way.exchange(true)) return;
  std::lock_guard lock(output);
  fmt::print(stderr, "under way\n");
}

/// Remembers the longest time between two signs of progress.
class Stopwatch {
 public:
  void sign() {
    const auto now = Clock::now();
    const auto us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - last_).count());
    last_ = now;
    for (auto most = stall_us.load(); us > most && !stall_us.compare_exchange_weak(most, us);) {
    }
  }

 private:
  Clock::time_point last_ = Clock::now();
};

std::size_t small_size(std::uint64_t id) {
  return 24 + id * 7919 % 60'000;
}

void put_small(sluice::Client& client, int index, std::uint64_t count) {
  const std::string home = fmt::format("small/{}", index);
  client.make_directory(home, true);
  Stopwatch watch;
  for (std::uint64_t id = 1; id <= count; ++id) {
    const std::string path = fmt::format("{}/{}", home, id);
    const std::uint64_t version = client.put_bytes(path, content(id, small_size(id)));
    watch.sign();
    if (const auto now = client.stat(path).version; now != version)
      complain(fmt::format("{} was put as {} and is {}", path, version, now));
    watch.sign();
    if (id * 3 > count) tell_under_way();
  }
}

void get_small(sluice::Client& client, int index, std::uint64_t count) {
  Stopwatch watch;
  for (std::uint64_t id = 1; id <= count; ++id) {
    const std::string path = fmt::format("small/{}/{}", index, id);
    if (client.get_bytes(path) != content(id, small_size(id))) complain(path + " has other bytes");
    watch.sign();
    if (id * 3 > count) tell_under_way();
  }
}

// Piece i of a large file is content i + 1.
std::size_t read_large(std::uint64_t offset, char* buffer, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const std::uint64_t at = offset + got;
    const std::string piece = content(at / piece_bytes + 1, piece_bytes);
    got += piece.copy(buffer + got, size - got, at % piece_bytes);
  }
  return size;
}

void put_large(sluice::Client& client, int index, std::uint64_t mib) {
  Stopwatch watch;
  const std::string path = fmt::format("large{}", index);
  sluice::Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t all) {
    watch.sign();
    if (done * 3 > all) tell_under_way();
  };
  const std::uint64_t version =
      client.put(path, {.size_bytes = mib * piece_bytes, .read = read_large}, {}, call);
  watch.sign();
  const auto now = client.stat(path);
  if (now.version != version || now.size_bytes != mib * piece_bytes)
    complain(fmt::format("{} was put as {} and is {}", path, version, now.version));
}

void get_large(sluice::Client& client, int index, std::uint64_t mib) {
  Stopwatch watch;
  const std::string path = fmt::format("large{}", index);
  std::string pending;
  std::uint64_t pieces = 0;
  client.get(path, [&](std::uint64_t, std::string_view bytes) {
    watch.sign();
    if (pieces * 3 > mib) tell_under_way();
    pending += bytes;
    while (pending.size() >= piece_bytes) {
      if (std::string_view(pending).substr(0, piece_bytes) != content(++pieces, piece_bytes))
        complain(fmt::format("{}: piece {} has other bytes", path, pieces));
      pending.erase(0, piece_bytes);
    }
  });
  watch.sign();
  if (pieces != mib || !pending.empty()) complain(path + " has another size");
}

void run(const std::string& server, const std::string& what, int index, std::uint64_t amount) {
  try {
    sluice::Client client({.endpoint = server});
    if (what == "put-small") return put_small(client, index, amount);
    if (what == "get-small") return get_small(client, index, amount);
    if (what == "put-large") return put_large(client, index, amount);
    if (what == "get-large") return get_large(client, index, amount);
    complain("no such work");
  } catch (const std::exception& error) {
    complain(error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < std::stoi(argv[4]); ++i)
      threads.emplace_back([&, i] { run(argv[1], argv[2], i, std::stoull(argv[3])); });
  }
  fmt::print("{{\"stall_s\": {:.3f}, \"wrong\": {}}}\n", static_cast<double>(stall_us.load()) / 1e6,
             wrong.load());
  return wrong == 0 ? 0 : 1;
}
