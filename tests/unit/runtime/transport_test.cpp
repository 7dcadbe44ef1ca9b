// Messages through real sockets: framing, large payloads, what is no message, peers that are gone
// or full.
#include "runtime/transport.hpp"

#include <chrono>
#include <future>

#include "protocol/messages/session.hpp"
#include "runtime/poller.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/endless_message.hpp"
#include "tests/support/socket_pair.hpp"

using namespace sluice::runtime;
using sluice::protocol::Payload;
using sluice::protocol::Ping;
using sluice::protocol::Type;
using sluice::tests::SocketPair;

namespace {

void wait_for(Socket& socket) {
  Poller poller;
  poller.watch(socket, [] {});
  REQUIRE(poller.wait(std::chrono::milliseconds(5'000)));
}

Message receive(Socket& socket) {
  wait_for(socket);
  Message message;
  REQUIRE(socket.receive(message) == Socket::Received::message);
  return message;
}

}  // namespace

TEST_CASE("a message arrives as it was sent, and its answer finds the way back") {
  SocketPair pair(true);
  const std::size_t size = GENERATE(0, 1, 1000, 1 << 20);
  Message message = make_message({}, Ping{}, 7, {11, 12, 13});
  message.header.attempt = 3;
  message.header.credit_bytes = 5;
  message.payload = Payload::of(std::string(size, 'p'));
  REQUIRE(pair.dealer->send(message) == Socket::Sent::done);
  Message got = receive(*pair.router);
  CHECK(got.header.type == Type::ping);
  CHECK(got.header.request_id == 7);
  CHECK(got.header.attempt == 3);
  CHECK(got.header.credit_bytes == 5);
  CHECK(got.stamp.session == 11);
  CHECK(got.stamp.job == 12);
  CHECK(got.stamp.number == 13);
  CHECK(got.payload.text() == std::string(size, 'p'));
  Message reply = make_reply(got, sluice::protocol::Pong{});
  REQUIRE(pair.router->send(reply) == Socket::Sent::done);
  CHECK(receive(*pair.dealer).header.type == Type::pong);
}

TEST_CASE("a payload goes on as it came, as often as it is sent, and outlives whoever sent it") {
  SocketPair pair(true);
  const std::size_t size = GENERATE(1, 30, 5'000, 1 << 20);
  const std::string bytes(size, 'p');
  std::vector<Message> back;
  {
    Message message = make_message({}, Ping{}, 7);
    message.payload = Payload::of(bytes);
    REQUIRE(pair.dealer->send(message) == Socket::Sent::done);
    Message got = receive(*pair.router);
    for (std::uint64_t i = 0; i < 3; ++i) {
      Message reply = make_reply(got, sluice::protocol::Pong{});
      // A part of it is other bytes.
      reply.payload = i < 2 ? got.payload : got.payload.part(0, size - 1);
      REQUIRE(pair.router->send(reply) == Socket::Sent::done);
    }
    CHECK(got.payload.text() == bytes);
  }
  for (int i = 0; i < 3; ++i) back.push_back(receive(*pair.dealer));
  CHECK(back[0].payload.text() == bytes);
  CHECK(back[1].payload.text() == bytes);
  CHECK(back[2].payload.text() == bytes.substr(1));
}

TEST_CASE("the owner of a body lives until the body was sent") {
  SocketPair pair(true);
  Message hello = make_message({}, Ping{}, 7);
  REQUIRE(pair.dealer->send(hello) == Socket::Sent::done);
  Message got = receive(*pair.router);
  const std::size_t size = GENERATE(3, 1 << 20);
  const auto sent = std::make_shared<std::promise<void>>();
  {
    Message reply = make_reply(got, sluice::protocol::Pong{});
    reply.body = std::string(size, 'b');
    reply.body_owner =
        std::shared_ptr<const void>(sent.get(), [sent](const void*) { sent->set_value(); });
    REQUIRE(pair.router->send(reply) == Socket::Sent::done);
  }
  Message back = receive(*pair.dealer);
  CHECK(back.body == std::string(size, 'b'));
  CHECK_FALSE(back.body_owner);
  // What was lent comes back on libzmq's thread.
  CHECK(sent->get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
}

TEST_CASE("an unstamped socket takes no stamped message and goes on") {
  SocketPair pair(false);
  SocketPair other(true);
  Message message = make_message({}, Ping{}, 1);
  REQUIRE(pair.dealer->send(message) == Socket::Sent::done);
  CHECK(receive(*pair.router).header.request_id == 1);
  SocketConfig stranger;
  stranger.connect = {pair.router->bound()[0]};
  stranger.stamped = true;
  auto socket = Socket::open(pair.context, stranger);
  REQUIRE(socket);
  socket->send(message);
  wait_for(*pair.router);
  Message got;
  CHECK(pair.router->receive(got) == Socket::Received::malformed);
  CHECK_FALSE(got.peer.id.empty());
  CHECK(pair.router->receive(got) == Socket::Received::nothing);
}

TEST_CASE("a peer nobody knows is gone, one that does not read is full") {
  SocketPair pair(false, 2);
  Message message = make_message({Port::none, "nobody"}, Ping{});
  CHECK(pair.router->send(message) == Socket::Sent::gone);
  Message hello = make_message({}, Ping{});
  REQUIRE(pair.dealer->send(hello) == Socket::Sent::done);
  Message got = receive(*pair.router);
  Socket::Sent sent = Socket::Sent::done;
  for (int i = 0; i < 1'000 && sent == Socket::Sent::done; ++i) {
    Message reply = make_reply(got, Ping{});
    reply.payload = Payload::of(std::string(1 << 20, 'x'));
    sent = pair.router->send(reply);
    if (sent == Socket::Sent::full) CHECK(reply.payload.size() == 1 << 20);
  }
  CHECK(sent == Socket::Sent::full);
}

TEST_CASE("an endpoint that cannot be bound is named in the error") {
  Context context;
  SocketConfig config;
  config.kind = SocketConfig::Kind::router;
  config.bind = {"tcp://256.0.0.1:1"};
  const auto socket = Socket::open(context, config);
  REQUIRE_FALSE(socket);
  CHECK(socket.error().path == "tcp://256.0.0.1:1");
  CHECK_FALSE(socket.error().detail.empty());
}

TEST_CASE("a connection whose message never ends is closed, others are not") {
  Context context;
  SocketConfig server;
  server.kind = SocketConfig::Kind::router;
  server.bind = {"tcp://127.0.0.1:*"};
  server.unfinished_bytes = 1 << 20;
  auto router = Socket::open(context, server);
  REQUIRE(router);
  SocketConfig client;
  client.connect = router->bound();
  auto good = Socket::open(context, client);
  REQUIRE(good);
  Message message = make_message({}, Ping{}, 1);
  message.payload = Payload::of(std::string(100'000, 'p'));
  // Whole messages of far more than the bound in all.
  for (int i = 0; i < 50; ++i) {
    REQUIRE(good->send(message) == Socket::Sent::done);
    receive(*router);
    router->close_hoarders();
  }
  sluice::tests::EndlessMessage bad(router->bound()[0]);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (bad.send_more(64 << 10) && std::chrono::steady_clock::now() < end)
    router->close_hoarders();
  CHECK(bad.closed());
  CHECK(bad.sent_bytes() > server.unfinished_bytes);
  REQUIRE(good->send(message) == Socket::Sent::done);
  CHECK(receive(*router).header.type == Type::ping);
}
