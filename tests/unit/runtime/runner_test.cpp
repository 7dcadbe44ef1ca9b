// The runner: routes, local links, batches, ticks, the mailbox, what could not be sent.
#include "runtime/runner.hpp"

#include <thread>

#include "protocol/messages/session.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::runtime;
using sluice::protocol::Ping;
using sluice::protocol::Pong;
using sluice::protocol::Type;

namespace {

// Records what it hears; answers pings; forwards what the application posts.
class Recorder final : public Actor {
 public:
  void on_message(Message&& message, Time, Outbox& outbox) override {
    heard.push_back(message.header.type);
    if (message.header.type == Type::ping) outbox.send(make_reply(message, Pong{}));
    if (message.peer.port == Port::application)
      outbox.send(make_message({Port::server, {}}, Ping{}, message.header.request_id));
  }
  void on_tick(Time now, Outbox&) override {
    ++ticks;
    next = now + Time(5);
  }
  Time next_tick() const override { return next; }
  void on_drained(Time, Outbox&) override { drained.push_back(heard.size()); }
  void on_undelivered(Message&&, Undelivered why, Time, Outbox&) override {
    undelivered.push_back(why);
  }

  std::vector<Type> heard;
  std::vector<std::size_t> drained;
  std::vector<Undelivered> undelivered;
  int ticks = 0;
  Time next = never;
};

// Says one thing at its first tick.
class Alarm final : public Actor {
 public:
  void on_message(Message&&, Time, Outbox&) override {}
  void on_tick(Time, Outbox& outbox) override {
    outbox.send(make_message({Port::server, {}}, Ping{}));
    next_ = never;
  }
  Time next_tick() const override { return next_; }

 private:
  Time next_{};
};

}  // namespace

TEST_CASE("two actors of one runner talk without sockets, in order") {
  Context context;
  Runner runner(context);
  Recorder a;
  Recorder b;
  runner.link(a, Port::server, b, Port::clients);
  for (std::uint64_t i = 0; i < 3; ++i)
    runner.post(a, make_message({Port::application, {}}, Pong{}, i));
  runner.run([&] { return a.heard.size() == 6; });
  CHECK(b.heard == std::vector<Type>{Type::ping, Type::ping, Type::ping});
  CHECK(std::count(a.heard.begin(), a.heard.end(), Type::pong) == 6);
  REQUIRE_FALSE(b.drained.empty());
  CHECK(b.drained.back() == 3);
}

TEST_CASE("two runners talk over inproc and tcp") {
  const std::string endpoint = GENERATE("inproc://there", "tcp://127.0.0.1:*");
  Context context;
  Runner server(context);
  Runner client(context);
  Recorder answering;
  Recorder asking;
  SocketConfig bound;
  bound.kind = SocketConfig::Kind::router;
  bound.bind = {endpoint};
  const auto endpoints = server.attach(answering, Port::clients, bound);
  REQUIRE(endpoints);
  SocketConfig connected;
  connected.connect = {endpoints->front()};
  REQUIRE(client.attach(asking, Port::server, connected));
  std::thread thread([&] { server.run(); });
  client.post(asking, make_message({Port::application, {}}, Pong{}, 1));
  client.run([&] { return asking.heard.size() == 2; });
  server.stop();
  thread.join();
  CHECK(asking.heard == std::vector<Type>{Type::pong, Type::pong});
  CHECK(answering.heard == std::vector<Type>{Type::ping});
}

TEST_CASE("what a turn has to say goes out at its end, in order") {
  Context context;
  Runner server(context);
  Runner client(context);
  Recorder answering;
  Recorder asking;
  SocketConfig bound;
  bound.kind = SocketConfig::Kind::router;
  bound.bind = {"inproc://there"};
  REQUIRE(server.attach(answering, Port::clients, bound));
  server.send_at_end_of_turn();
  client.send_at_end_of_turn();
  SocketConfig connected;
  connected.connect = {"inproc://there"};
  REQUIRE(client.attach(asking, Port::server, connected));
  for (std::uint64_t i = 0; i < 5; ++i)
    client.post(asking, make_message({Port::application, {}}, Pong{}, i));
  client.run([&] { return asking.heard.size() == 5; });
  CHECK(answering.heard.empty());
  server.run([&] { return answering.heard.size() == 5; });
  client.run([&] { return asking.heard.size() == 10; });
  CHECK(answering.heard == std::vector<Type>(5, Type::ping));
}

TEST_CASE("what a tick says goes out though nothing was heard in that turn") {
  Context context;
  Runner server(context);
  Runner client(context);
  Recorder hearing;
  Alarm alarm;
  SocketConfig bound;
  bound.kind = SocketConfig::Kind::router;
  bound.bind = {"inproc://alarm"};
  REQUIRE(server.attach(hearing, Port::clients, bound));
  SocketConfig connected;
  connected.connect = {"inproc://alarm"};
  REQUIRE(client.attach(alarm, Port::server, connected));
  client.send_at_end_of_turn();
  std::thread thread([&] { client.run(); });
  server.run([&] { return hearing.heard.size() == 1; });
  client.stop();
  thread.join();
}

TEST_CASE("ticks come when they are due and only then") {
  Context context;
  Runner runner(context);
  Recorder actor;
  actor.next = real_time() + Time(5);
  runner.host(actor);
  runner.run([&] { return actor.ticks >= 3; });
  CHECK(actor.heard.empty());
  CHECK(actor.ticks == 3);
}

TEST_CASE("what has no peer comes back to the actor that sent it") {
  Context context;
  Runner runner(context);
  Recorder actor;
  SocketConfig bound;
  bound.kind = SocketConfig::Kind::router;
  bound.bind = {"inproc://alone"};
  REQUIRE(runner.attach(actor, Port::server, bound));
  runner.call(actor, [](Time, Outbox& outbox) {
    outbox.send(make_message({Port::server, "nobody"}, Ping{}));
  });
  CHECK(actor.undelivered == std::vector<Undelivered>{Undelivered::gone});
}

TEST_CASE("stop from another thread ends a run that waits") {
  Context context;
  Runner runner(context);
  Recorder actor;
  runner.host(actor);
  std::thread thread([&] { runner.stop(); });
  runner.run();
  thread.join();
  CHECK(actor.heard.empty());
}
