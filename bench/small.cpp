// See small.hpp. Each client is a small state machine: one request under way, the next when it is
// answered.
#include "bench/small.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "protocol/digest.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"
#include "runtime/poller.hpp"
#include "runtime/secrets.hpp"
#include "runtime/transport.hpp"

namespace sluice::bench {
namespace {

using protocol::Type;
using runtime::Message;
using runtime::Socket;

// Names that one client puts to in turn, so that a long run replaces files as well as making them.
constexpr std::uint64_t names_a_client = 1000;
constexpr std::chrono::milliseconds answer_time{5'000};
// A server that has just started may grant nothing for one lease.
constexpr std::chrono::milliseconds lock_time{60'000};
// A little less than a session may hold.
constexpr std::uint64_t held_a_session = 9'900;
constexpr std::uint64_t held_under_way = 200;
// Those who hold them are silent.
constexpr std::uint32_t held_lease_ms = 600'000;

struct BenchClient {
  Socket socket;
  unsigned index = 0;
  std::uint64_t last_id = 0;
  std::uint64_t round = 0;
  Clock::time_point sent_at;
};

class SmallRun {
 public:
  explicit SmallRun(const Options& options) : options_(options), result_(options) {
    bytes_.assign(options.size_bytes, 'x');
    root_ = protocol::root_of(protocol::leaves_of(bytes_));
    directory_ = "bench-" + protocol::to_hex(runtime::SystemSecrets().bytes(4));
  }

  Result run() {
    for (std::uint64_t left = options_.held; left > 0;) {
      const std::uint64_t count = std::min(left, held_a_session);
      hold(count);
      left -= count;
    }
    for (unsigned i = 0; i < options_.clients; ++i) clients_.push_back(connect(i));
    prepare();
    for (auto& client : clients_) next(client);
    counts_from_ = Clock::now() + seconds(options_.warm_up_s);
    const auto end = counts_from_ + seconds(options_.seconds);
    runtime::Poller poller;
    for (auto& client : clients_) poller.watch(client.socket, [this, &client] { take(client); });
    while (Clock::now() < end)
      if (poller.wait(std::chrono::milliseconds(100))) poller.call_ready();
    result_.seconds = std::chrono::duration<double>(Clock::now() - counts_from_).count();
    for (auto& client : clients_) say_bye(client);
    for (auto& client : holders_) say_bye(client);
    return std::move(result_);
  }

 private:
  // With the server's own lease if none is given: locks that live longer wait for the disk.
  BenchClient connect(unsigned index, std::uint32_t lease_ms = 0) {
    runtime::SocketConfig config;
    config.connect = {options_.server};
    config.stamped = false;
    auto socket = Socket::open(context_, config);
    if (!socket) throw std::runtime_error(protocol::sentence(socket.error()));
    BenchClient client{std::move(*socket), index, 0, 0, {}};
    protocol::Hello hello;
    hello.version_min = protocol::limits::version_min;
    hello.version_max = protocol::limits::version_max;
    hello.secret = runtime::SystemSecrets().bytes(16);
    hello.name = fmt::format("sluice-bench/{}", index);
    hello.lease_ms = lease_ms;
    ask(client, hello);
    return client;
  }

  // One more session with so many locks, in a directory of its own.
  void hold(std::uint64_t count) {
    BenchClient& holder = holders_.emplace_back(connect(options_.clients, held_lease_ms));
    const std::uint64_t sender = holders_.size() - 1;
    protocol::AcquireLock acquire;
    acquire.wait_ms = lock_time.count();
    for (std::uint64_t sent = 0, answered = 0; answered < count;) {
      for (; sent < count && sent - answered < held_under_way; ++sent) {
        acquire.claims = {{held_path(sender, sent), false, false}};
        send(holder, acquire);
      }
      expect(holder, lock_time + answer_time);
      ++answered;
    }
  }

  std::string held_path(std::uint64_t holder, std::uint64_t name) const {
    return fmt::format("{}/{}/{}", directory_, holder, name);
  }

  void prepare() {
    if (options_.op != "get" && options_.op != "put") return;
    protocol::MakeDirectory make;
    make.path = directory_;
    ask(clients_[0], make);
    for (auto& client : clients_) {
      make.path = fmt::format("{}/{}", directory_, client.index);
      ask(client, make);
      if (options_.op == "get") ask(client, put_request(client), true);
    }
  }

  // Sends and waits: for what comes before the measurement.
  template <class M>
  void ask(BenchClient& client, const M& request, bool with_bytes = false) {
    send(client, request, with_bytes);
    expect(client);
  }

  void expect(BenchClient& client, std::chrono::milliseconds patience = answer_time) {
    Message reply;
    if (client.socket.receive(reply) != Socket::Received::message) {
      runtime::Poller poller;
      poller.watch(client.socket, [] {});
      if (!poller.wait(patience) || client.socket.receive(reply) != Socket::Received::message)
        throw std::runtime_error(options_.server + ": the server does not answer");
    }
    if (reply.header.type == Type::error) throw std::runtime_error(error_of(reply));
  }

  // Leaves no lock behind for the next run; answers to what was under way are passed over.
  void say_bye(BenchClient& client) {
    send(client, protocol::Bye{});
    runtime::Poller poller;
    poller.watch(client.socket, [] {});
    while (poller.wait(std::chrono::milliseconds(1'000))) {
      Message reply;
      while (client.socket.receive(reply) == Socket::Received::message)
        if (reply.header.type == Type::bye_reply) return;
    }
  }

  template <class M>
  void send(BenchClient& client, const M& request, bool with_bytes = false,
            std::uint32_t credit = 0) {
    Message message = runtime::make_message({}, request, ++client.last_id);
    message.header.credit_bytes = credit;
    if (with_bytes) message.payload = {nullptr, bytes_.data(), bytes_.size()};
    client.socket.send(message);
  }

  protocol::Put put_request(const BenchClient& client) const {
    protocol::Put put;
    put.path = fmt::format("{}/{}/{}", directory_, client.index, client.round % names_a_client);
    put.root = root_;
    put.terms.durability = options_.durability;
    return put;
  }

  void next(BenchClient& client) {
    client.sent_at = Clock::now();
    if (options_.op == "put") {
      send(client, put_request(client), true);
    } else if (options_.op == "get") {
      send(client, protocol::Get{fmt::format("{}/{}/0", directory_, client.index)}, false,
           static_cast<std::uint32_t>(options_.size_bytes));
    } else {
      protocol::AcquireLock acquire;
      const bool contended = options_.op == "lock-contended";
      acquire.claims = {{contended ? "bench" : own_path(client), false, false}};
      acquire.wait_ms = lock_time.count();
      send(client, acquire);
    }
    ++client.round;
  }

  // A name of its own; beside those that others hold, if they do, in one directory after another.
  std::string own_path(const BenchClient& client) const {
    if (holders_.empty()) return fmt::format("bench-{}", client.index);
    return held_path(client.round % holders_.size(), held_a_session + client.index);
  }

  void take(BenchClient& client) {
    Message reply;
    while (client.socket.receive(reply) == Socket::Received::message) {
      if (reply.header.type == Type::release_lock_reply) {
        if (options_.await_release) next(client);
        continue;
      }
      const auto now = Clock::now();
      if (reply.header.type == Type::error)
        result_.failed(error_of(reply));
      else if (now >= counts_from_)
        result_.latencies.record(now - client.sent_at);
      if (reply.header.type == Type::acquire_lock_reply) {
        // The release goes at once, so that others need not wait for this client's next turn.
        if (const auto granted = protocol::decode<protocol::AcquireLockReply>(reply.body))
          send(client, protocol::ReleaseLock{granted->token});
        if (options_.await_release) continue;
      }
      next(client);
    }
  }

  static std::string error_of(const Message& reply) {
    const auto error = protocol::decode<protocol::ErrorReply>(reply.body);
    if (!error) return "an answer that could not be read";
    return protocol::sentence({error->code, error->path, error->detail});
  }

  const Options& options_;
  runtime::Context context_;
  std::vector<BenchClient> clients_;
  std::vector<BenchClient> holders_;
  std::string bytes_;
  protocol::Digest root_{};
  std::string directory_;
  Clock::time_point counts_from_;
  Result result_;
};

}  // namespace

Result run_small(const Options& options) {
  return SmallRun(options).run();
}

}  // namespace sluice::bench
