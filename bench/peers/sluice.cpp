// Locks of Sluice: AcquireLock and ReleaseLock, waiters queue at the server. Connections are plain
// sockets (zmtp.hpp) like those of the other loads; sluice-bench measures the same through libzmq.
// One thread. See locks.hpp.
#include <fmt/format.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "bench/peers/locks.hpp"
#include "bench/peers/zmtp.hpp"
#include "protocol/frame.hpp"
#include "protocol/limits.hpp"
#include "protocol/messages/locks.hpp"
#include "protocol/messages/session.hpp"
#include "runtime/poller.hpp"
#include "runtime/secrets.hpp"

namespace sluice::bench::peers {
namespace {

using protocol::Type;

constexpr std::uint32_t wait_ms = 60'000;
constexpr std::uint32_t named_ttl_ms = 60'000;

struct Client {
  std::unique_ptr<ZmtpConnection> connection;
  std::uint64_t last_id = 0;
  protocol::AcquireLock acquire;
  Clock::time_point asked_at;
};

struct Reply {
  Type type{};
  std::string_view body;
};

class Run {
 public:
  explicit Run(const Options& options) : options_(options), tally_(options) {}

  Result run() {
    const std::string prefix = fresh_prefix();
    clients_.resize(options_.clients);
    for (std::size_t i = 0; i < clients_.size(); ++i) connect(clients_[i], prefix, i);
    for (Client& client : clients_)
      poller_.watch(client.connection->fd(), [this, &client] { take(client); });
    drive(poller_, tally_, [this] {
      for (Client& client : clients_) acquire(client);
    });
    for (Client& client : clients_) say_bye(client);
    return tally_.result();
  }

 private:
  void connect(Client& client, const std::string& prefix, std::size_t index) {
    const auto [host, port] = host_and_port(options_.server);
    client.connection = std::make_unique<ZmtpConnection>(host, port);
    const bool contended = options_.op == "lock-contended";
    client.acquire.claims = {
        {contended ? prefix : fmt::format("{}-{}", prefix, index), false, false}};
    client.acquire.wait_ms = wait_ms;
    if (options_.named) {
      client.acquire.owner = fmt::format("{}/{}", prefix, index);
      client.acquire.ttl_ms = named_ttl_ms;
    }
    protocol::Hello hello;
    hello.version_min = protocol::limits::version_min;
    hello.version_max = protocol::limits::version_max;
    hello.secret = runtime::SystemSecrets().bytes(16);
    hello.name = fmt::format("{}/{}", prefix, index);
    send(client, hello);
    client.connection->flush();
    Reply reply;
    while (!next(client, reply)) client.connection->read();
    if (reply.type != Type::welcome) throw std::runtime_error("the server gives no welcome");
  }

  void say_bye(Client& client) {
    send(client, protocol::Bye{});
    client.connection->flush();
    for (Reply reply; reply.type != Type::bye_reply;)
      while (!next(client, reply)) client.connection->read();
  }

  template <class M>
  void send(Client& client, const M& request) {
    protocol::Header header;
    header.type = M::type;
    header.request_id = ++client.last_id;
    const auto frame = protocol::encode_frame(header);
    client.connection->add({frame.data(), frame.size()}, true);
    client.connection->add(protocol::encode(request), false);
  }

  // Takes a message of what was read. None of those asked for has a payload.
  static bool next(Client& client, Reply& reply) {
    std::string_view first;
    if (!client.connection->next(first, reply.body)) return false;
    const auto header = protocol::decode_header(std::span(first.data(), first.size()));
    if (!header) throw std::runtime_error(protocol::sentence(header.error()));
    reply.type = header->type;
    return true;
  }

  // Sends what waits to be sent, too.
  void acquire(Client& client) {
    if (!tally_.ending()) {
      tally_.asked();
      client.asked_at = Clock::now();
      send(client, client.acquire);
    }
    client.connection->flush();
  }

  void take(Client& client) {
    client.connection->read();
    for (Reply reply; next(client, reply);) {
      if (reply.type == Type::acquire_lock_reply) {
        const auto granted = protocol::decode<protocol::AcquireLockReply>(reply.body);
        if (!granted) throw std::runtime_error("not a message of Sluice");
        tally_.granted(client.asked_at);
        tally_.asked();
        send(client, protocol::ReleaseLock{granted->token});
        options_.await_release ? client.connection->flush() : acquire(client);
      } else if (reply.type == Type::release_lock_reply) {
        tally_.released();
        if (options_.await_release) acquire(client);
      } else {
        const auto error = protocol::decode<protocol::ErrorReply>(reply.body);
        throw std::runtime_error(error
                                     ? protocol::sentence({error->code, error->path, error->detail})
                                     : "an answer that was not asked for");
      }
    }
  }

  const Options& options_;
  Tally tally_;
  std::vector<Client> clients_;
  runtime::Poller poller_;
};

}  // namespace

Result run_locks(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
