// Locks of Sluice: AcquireLock and ReleaseLock, waiters queue at the server. One thread. See
// load.hpp.
#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/peers/load.hpp"
#include "bench/peers/sluice_session.hpp"
#include "protocol/messages/locks.hpp"

namespace sluice::bench::peers {
namespace {

using protocol::Type;

constexpr std::uint32_t wait_ms = 60'000;
constexpr std::uint32_t named_ttl_ms = 60'000;

struct Client {
  std::unique_ptr<SluiceSession> session;
  protocol::AcquireLock acquire;
  Clock::time_point asked_at;
};

class Run {
 public:
  explicit Run(const Options& options) : options_(options), tally_(options) {}

  Result run() {
    const std::string prefix = fresh_prefix();
    clients_.resize(options_.clients);
    for (std::size_t i = 0; i < clients_.size(); ++i) connect(clients_[i], prefix, i);
    drive(poller_, tally_, [this] {
      for (Client& client : clients_) acquire(client);
    });
    for (Client& client : clients_) client.session->say_bye();
    return tally_.result();
  }

 private:
  void connect(Client& client, const std::string& prefix, std::size_t index) {
    const std::string name = fmt::format("{}-{}", prefix, index);
    client.session = std::make_unique<SluiceSession>(options_.server, name);
    const bool contended = options_.op == "lock-contended";
    client.acquire.claims = {{contended ? prefix : name, false, false}};
    client.acquire.wait_ms = wait_ms;
    if (options_.named) {
      client.acquire.owner = name;
      client.acquire.ttl_ms = named_ttl_ms;
    }
    poller_.watch(client.session->fd(), [this, &client] { take(client); });
  }

  // Sends what waits to be sent, too.
  void acquire(Client& client) {
    if (!tally_.ending()) {
      tally_.asked();
      client.asked_at = Clock::now();
      client.session->add(client.acquire);
    }
    client.session->flush();
  }

  void take(Client& client) {
    client.session->read();
    for (Reply reply; client.session->next(reply);) {
      if (reply.type == Type::acquire_lock_reply) {
        const auto granted = protocol::decode<protocol::AcquireLockReply>(reply.body);
        if (!granted) throw std::runtime_error("not a message of Sluice");
        tally_.done(client.asked_at);
        tally_.asked();
        client.session->add(protocol::ReleaseLock{granted->token});
        options_.await_release ? client.session->flush() : acquire(client);
      } else {
        tally_.released();
        if (options_.await_release) acquire(client);
      }
    }
  }

  const Options& options_;
  Tally tally_;
  std::vector<Client> clients_;
  runtime::Poller poller_;
};

}  // namespace

const std::vector<std::string> operations = {"lock", "lock-contended"};

Result run_load(const Options& options) {
  return Run(options).run();
}

}  // namespace sluice::bench::peers
