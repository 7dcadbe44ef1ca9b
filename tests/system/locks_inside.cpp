// locks_inside [--clients N] [--batch N] [--held N] [--pairs N]: what a lock pair (acquire and
// release, each on a key of the client's own) takes of the broker and the lock actor themselves:
// without sockets, other threads and the journal's disk. Batches stand for what a busy thread finds
// in its socket at once. Prints one line of JSON: the median of the rounds in ns a pair,
// allocations a pair, and bytes a lock that is held besides. One thread. Read on:
// docs/performance.md.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <new>
#include <vector>

#include "broker/broker.hpp"
#include "broker/locks/lock_actor.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/messages/session.hpp"
#include "runtime/secrets.hpp"
#include "storage/journal_files.hpp"

namespace {

std::uint64_t allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

namespace protocol = sluice::protocol;
using sluice::broker::Broker;
using sluice::broker::locks::LockActor;
using sluice::runtime::Message;
using sluice::runtime::Outbox;
using sluice::runtime::Port;
using sluice::runtime::Time;
using Clock = std::chrono::steady_clock;

constexpr std::size_t rounds = 9;
constexpr std::size_t locks_a_holder = 10'000;

class NoDisk final : public sluice::storage::JournalFiles {
 public:
  protocol::Result<std::string> read(unsigned) override { return std::string(); }
  protocol::Result<void> reserve(unsigned, std::uint64_t) override { return {}; }
  protocol::Result<void> write(unsigned, std::uint64_t, std::string_view) override { return {}; }
  protocol::Result<void> sync(unsigned) override { return {}; }
  std::optional<std::uint64_t> size_bytes(unsigned) const override { return std::nullopt; }
  protocol::Result<void> make() override { return {}; }
  std::string name(unsigned) const override { return {}; }
  protocol::Result<void> keep_copy(unsigned) override { return {}; }
  std::string boot() const override { return {}; }
};

/// The two actors, joined as a Runner joins them.
class Server {
 public:
  Server() : broker_({}), locks_(config(), journal_, {}, secrets_) {}

  void ask(Message&& message) {
    message.peer.port = Port::clients;
    broker_.on_message(std::move(message), now_, outbox_);
    take(true);
  }
  /// Ends a batch; gives what the clients are answered.
  std::vector<Message> answers() {
    for (; !local_.empty(); local_.pop_front()) {
      auto& [to_locks, message] = local_.front();
      if (to_locks)
        locks_.on_message(std::move(message), now_, outbox_);
      else
        broker_.on_message(std::move(message), now_, outbox_);
      take(!to_locks);
      if (local_.size() == 1 && to_locks) {
        locks_.on_drained(now_, outbox_);
        take(false);
      }
    }
    return std::exchange(answers_, {});
  }

 private:
  static sluice::broker::locks::LockConfig config() {
    sluice::broker::locks::LockConfig config;
    config.reserved_up_to = std::uint64_t{1} << 60;
    config.durability = sluice::broker::locks::LockDurability::relaxed;
    return config;
  }

  void take(bool of_broker) {
    for (Message& message : outbox_.take()) {
      const Port port = message.peer.port;
      if (port == Port::clients) {
        answers_.push_back(std::move(message));
      } else if (port == (of_broker ? Port::locks : Port::broker)) {
        message.peer = {of_broker ? Port::broker : Port::locks, {}};
        local_.emplace_back(of_broker, std::move(message));
      }
    }
  }

  NoDisk journal_;
  sluice::runtime::SystemSecrets secrets_;
  Broker broker_;
  LockActor locks_;
  Time now_{1'000'000};
  Outbox outbox_;
  /// What one actor has for the other; true: for the lock actor.
  std::deque<std::pair<bool, Message>> local_;
  std::vector<Message> answers_;
};

class Client {
 public:
  Client(std::string peer, Server& server) : peer_(std::move(peer)), server_(server) {
    protocol::Hello hello;
    hello.version_min = protocol::limits::version_min;
    hello.version_max = protocol::limits::version_max;
    hello.secret = sluice::runtime::SystemSecrets().bytes(16);
    hello.name = peer_;
    send(hello);
    server.answers();
  }

  void acquire(const std::string& path) {
    protocol::AcquireLock request;
    request.claims = {{path, false, false}};
    request.wait_ms = 60'000;
    send(request);
  }
  void release(const Message& grant) {
    const auto granted = protocol::decode<protocol::AcquireLockReply>(grant.body);
    send(protocol::ReleaseLock{granted.value().token});
  }

 private:
  template <class M>
  void send(const M& request) {
    Message message;
    message.peer.id = peer_;
    message.header.type = M::type;
    message.header.request_id = ++last_id_;
    message.body = protocol::encode(request);
    server_.ask(std::move(message));
  }

  std::string peer_;
  Server& server_;
  std::uint64_t last_id_ = 0;
};

std::size_t hold(Server& server, std::size_t count) {
  const std::size_t before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < count;) {
    Client holder(fmt::format("holder {}", i / locks_a_holder), server);
    for (std::size_t each = 0; each < locks_a_holder && i < count; ++each, ++i) {
      holder.acquire(fmt::format("held-{}/{}", i / locks_a_holder, i));
      server.answers();
    }
  }
  return count == 0 ? 0 : (mallinfo2().uordblks - before) / count;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"What a lock pair takes of broker and lock actor."};
  std::size_t clients = 64;
  std::size_t batch = 8;
  std::size_t held = 0;
  std::size_t pairs = 200'000;
  app.add_option("--clients", clients)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--batch", batch, "clients served at once")->check(CLI::Range(1, 1024));
  app.add_option("--held", held, "locks held besides")->check(CLI::Range(0, 2'000'000));
  app.add_option("--pairs", pairs, "of a round")->check(CLI::Range(1, 100'000'000));
  CLI11_PARSE(app, argc, argv);

  Server server;
  const std::size_t bytes = hold(server, held);
  std::vector<Client> all;
  std::vector<Message> grants;
  for (std::size_t i = 0; i < clients; ++i) {
    all.emplace_back(fmt::format("client {}", i), server);
    all[i].acquire(fmt::format("key-{}", i));
    grants.push_back(std::move(server.answers().front()));
  }
  std::vector<double> ns;
  std::uint64_t allocated = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::uint64_t allocated_before = allocations;
    const auto begin = Clock::now();
    for (std::size_t done = 0, next = 0; done < pairs; done += batch) {
      const std::size_t first = next;
      for (std::size_t i = 0; i < batch; ++i, next = (next + 1) % clients) {
        all[next].release(grants[next]);
        all[next].acquire(fmt::format("key-{}", next));
      }
      std::size_t place = first;
      for (Message& answer : server.answers()) {
        if (answer.header.type != protocol::Type::acquire_lock_reply) continue;
        grants[place] = std::move(answer);
        place = (place + 1) % clients;
      }
    }
    const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
    ns.push_back(took.count() / static_cast<double>(pairs));
    allocated = allocations - allocated_before;
  }
  std::sort(ns.begin(), ns.end());
  fmt::print(
      "{{\"clients\": {}, \"batch\": {}, \"held\": {}, \"ns_a_pair\": {:.0f}, "
      "\"least_ns\": {:.0f}, \"allocations_a_pair\": {:.1f}, \"bytes_a_lock\": {}}}\n",
      clients, batch, held, ns[ns.size() / 2], ns.front(),
      static_cast<double>(allocated) / static_cast<double>(pairs), bytes);
  return 0;
}
