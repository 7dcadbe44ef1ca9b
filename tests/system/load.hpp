// Clients that work, each in a thread of its own, until standard input ends. Whoever reads standard
// error can ask for the count of steps done so far by writing a byte; what went wrong is told there
// too. For a '!' each client's line of what it has to tell is printed as well. Any thread. Read on:
// changes.cpp, registers.cpp, under_load.py for the other side.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::system_test {

class Load {
 public:
  explicit Load(std::string name) : name_(std::move(name)) {}

  /// Runs `client(index)` so many times side by side; what one throws is complained of. Prints the
  /// counts as the last line and gives the exit status. `tell(index)` is what a client has to tell.
  int run(int clients, const std::function<void(int)>& client,
          const std::function<std::string(int)>& tell = nullptr) {
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < clients; ++i) threads.emplace_back([&, i] { guarded(client, i); });
      for (char byte; read(STDIN_FILENO, &byte, 1) > 0;) {
        const std::lock_guard lock(output_);
        for (int i = 0; tell && byte == '!' && i < clients; ++i) fmt::print("{}\n", tell(i));
        std::fflush(stdout);
        fmt::print(stderr, "steps {}\n", steps_.load());
      }
      ended_ = true;
    }
    fmt::print("{{\"steps\": {}, \"failed\": {}}}\n", steps_.load(), failed_.load());
    return failed_ == 0 ? 0 : 1;
  }

  bool has_ended() const { return ended_; }
  void count_step() { ++steps_; }
  void print(const std::string& text) {
    const std::lock_guard lock(output_);
    fmt::print("{}", text);
  }
  void complain(const std::string& text) {
    const std::lock_guard lock(output_);
    fmt::print(stderr, "{}: {}\n", name_, text);
    ++failed_;
  }

 private:
  void guarded(const std::function<void(int)>& client, int index) {
    try {
      client(index);
    } catch (const std::exception& error) {
      complain(fmt::format("client {}: {}", index, error.what()));
    }
  }

  const std::string name_;
  std::mutex output_;
  std::atomic<bool> ended_ = false;
  std::atomic<std::uint64_t> steps_ = 0;
  std::atomic<int> failed_ = 0;
};

}  // namespace sluice::system_test
