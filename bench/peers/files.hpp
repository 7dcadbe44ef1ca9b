// Load of small files on one server, one request a client at a time; files_*.cpp say how each
// server is spoken to. One thread. Read on: load.hpp.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>

#include "bench/peers/load.hpp"

namespace sluice::bench::peers {

/// Hears of each answer how many bytes of a file it brought.
using OnAnswer = std::function<void(std::size_t bytes)>;

/// `Connection(server, directory)` connects, and makes the directory if that has to be;
/// `fd()`; `get(path)` and `put(path, bytes)` send a request; `read(on_answer)` reads once.
/// All of them throw std::runtime_error.
template <class Connection>
class FileRun {
 public:
  explicit FileRun(const Options& options)
      : options_(options),
        get_(options.op == "get"),
        tally_(options),
        bytes_(options.size_bytes, 'x') {}

  Result run() {
    const std::string prefix = fresh_prefix();
    for (unsigned i = 0; i < options_.clients; ++i) prepare(fmt::format("{}/{}", prefix, i));
    for (Client& client : clients_)
      poller_.watch(client.connection.fd(), [this, &client] {
        client.connection.read([&](std::size_t got) { take(client, got); });
      });
    drive(poller_, tally_, [this] {
      for (Client& client : clients_) ask(client);
    });
    return tally_.result();
  }

 private:
  // Files that a client puts in turn, so that a long run replaces files as well as making them.
  static constexpr std::uint64_t names_a_client = 1000;

  struct Client {
    Client(const std::string& server, const std::string& where)
        : directory(where), connection(server, where) {}
    std::string path() const { return fmt::format("{}/{}", directory, round % names_a_client); }

    std::string directory;
    Connection connection;
    std::uint64_t round = 0;
    Clock::time_point asked_at;
  };

  void prepare(const std::string& directory) {
    Client& client = clients_.emplace_back(options_.server, directory);
    if (!get_) return;
    bool answered = false;
    client.connection.put(client.path(), bytes_);
    while (!answered) client.connection.read([&](std::size_t) { answered = true; });
  }

  void ask(Client& client) {
    if (tally_.ending()) return;
    tally_.asked();
    client.asked_at = Clock::now();
    if (get_) return client.connection.get(client.path());
    client.connection.put(client.path(), bytes_);
    ++client.round;
  }

  void take(Client& client, std::size_t got) {
    if (get_ && got != bytes_.size()) throw std::runtime_error("a file of another size");
    tally_.done(client.asked_at);
    ask(client);
  }

  const Options& options_;
  const bool get_;
  Tally tally_;
  const std::string bytes_;
  std::deque<Client> clients_;
  runtime::Poller poller_;
};

}  // namespace sluice::bench::peers
