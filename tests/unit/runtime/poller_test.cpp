// Waiting: what is there is found until it is read, what a send swallowed is found as well, and
// nothing is found that is not there.
#include "runtime/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <random>

#include "protocol/messages/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"

using namespace sluice::runtime;
using sluice::protocol::Ping;
using sluice::tests::SocketPair;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds long_enough{10'000};

void send(Socket& socket, std::string peer = {}) {
  Message message = make_message({Port::none, std::move(peer)}, Ping{});
  REQUIRE(socket.send(message) == Socket::Sent::done);
}

}  // namespace

TEST_CASE("a socket is found until it is read to its end") {
  SocketPair pair(false);
  Poller poller;
  int calls = 0;
  poller.watch(*pair.router, [&] { ++calls; });
  CHECK_FALSE(poller.wait(milliseconds(0)));
  CHECK_FALSE(poller.wait(milliseconds(5)));
  send(*pair.dealer);
  send(*pair.dealer);
  Message message;
  for (int received = 0; received < 2; ++received) {
    REQUIRE(poller.wait(long_enough));
    poller.call_ready();
    CHECK(calls == received + 1);
    REQUIRE(pair.router->receive(message) == Socket::Received::message);
  }
  CHECK_FALSE(poller.wait(milliseconds(0)));
  poller.call_ready();
  CHECK(calls == 2);
  CHECK(pair.router->receive(message) == Socket::Received::nothing);
}

TEST_CASE("a descriptor is found beside sockets that have something") {
  SocketPair pair(false);
  const int fd = eventfd(0, EFD_NONBLOCK);
  Poller poller;
  bool socket_found = false;
  bool fd_found = false;
  poller.watch(*pair.router, [&] { socket_found = true; });
  poller.watch(fd, [&] { fd_found = true; });
  send(*pair.dealer);
  REQUIRE(poller.wait(long_enough));
  eventfd_write(fd, 1);
  REQUIRE(poller.wait(milliseconds(-1)));
  poller.call_ready();
  CHECK(socket_found);
  CHECK(fd_found);
  close(fd);
}

// A send may take notice of what has arrived, and with it the wake-up: it must be found all the
// same. Each side sends at random moments while messages arrive.
TEST_CASE("what a send took notice of is found") {
  SocketPair pair(false);
  send(*pair.dealer);
  Poller server;
  server.watch(*pair.router, [] {});
  REQUIRE(server.wait(long_enough));
  Message message;
  REQUIRE(pair.router->receive(message) == Socket::Received::message);
  const std::string peer = message.peer.id;
  Poller client;
  client.watch(*pair.dealer, [] {});
  std::minstd_rand random(7);
  int to_router = 0;
  int to_dealer = 0;
  for (int round = 0; round < 3'000; ++round) {
    for (auto sends = random() % 4; sends > 0; --sends, ++to_router) send(*pair.dealer);
    for (auto sends = random() % 4; sends > 0; --sends, ++to_dealer) send(*pair.router, peer);
    if (random() % 2 == 0) continue;
    for (; to_router > 0; --to_router) {
      REQUIRE(server.wait(long_enough));
      REQUIRE(pair.router->receive(message) == Socket::Received::message);
    }
    for (; to_dealer > 0; --to_dealer) {
      REQUIRE(client.wait(long_enough));
      REQUIRE(pair.dealer->receive(message) == Socket::Received::message);
    }
  }
}

TEST_CASE("a socket that took another's place is watched") {
  SocketPair pair(false);
  Poller poller;
  poller.watch(*pair.router, [] {});
  SocketConfig config;
  config.kind = SocketConfig::Kind::router;
  config.bind = {"inproc://other"};
  *pair.router = std::move(*Socket::open(pair.context, config));
  poller.watch(*pair.router, [] {});
  SocketConfig client;
  client.connect = config.bind;
  auto dealer = Socket::open(pair.context, client);
  REQUIRE(dealer);
  send(*dealer);
  REQUIRE(poller.wait(long_enough));
  Message message;
  CHECK(pair.router->receive(message) == Socket::Received::message);
}
