// The broker and who may talk to it: hello, versions, resumed and replaced connections.
#include "tests/unit/broker/broker_room.hpp"

using namespace sluice;
using namespace sluice::tests;
namespace limits = protocol::limits;

TEST_CASE("a hello is welcomed with every limit", "[broker]") {
  BrokerRoom room;
  room.probe.tell(room.ann, BrokerRoom::hello("ann"), 3);
  const auto welcome = room.probe.expect<protocol::Welcome>(room.ann);
  CHECK(welcome.message.header.request_id == 3);
  CHECK(welcome.body.version == 1);
  CHECK(welcome.body.session == number_of("ann"));
  CHECK_FALSE(welcome.body.resumed);
  CHECK(welcome.body.lease_ms == 10'000);
  CHECK(welcome.body.epoch == 7);
  CHECK(welcome.body.window_requests == limits::window_requests);
  CHECK(welcome.body.window_bytes == limits::window_bytes);
  CHECK(welcome.body.chunk_bytes == limits::chunk_bytes);
  CHECK(welcome.body.leaf_bytes == limits::leaf_bytes);
  CHECK(welcome.body.small_file_bytes == limits::small_file_bytes);
  CHECK(welcome.body.server == "sluiced test");
  // The lock actor need not know of sessions that use no lock.
  room.probe.expect_silence();
}

TEST_CASE("the lease asked for is kept within bounds", "[broker]") {
  const auto [asked, got] = GENERATE(std::pair{1u, limits::lease_min_ms}, std::pair{2'000u, 2'000u},
                                     std::pair{4'000'000'000u, limits::lease_max_ms});
  BrokerRoom room;
  auto hello = BrokerRoom::hello("ann");
  hello.lease_ms = asked;
  room.probe.tell(room.ann, hello);
  CHECK(room.probe.expect<protocol::Welcome>(room.ann).body.lease_ms == got);
}

TEST_CASE("a hello that is none is refused", "[broker]") {
  BrokerRoom room;
  auto hello = BrokerRoom::hello("ann");
  SECTION("short secret") {
    hello.secret.pop_back();
  }
  SECTION("long secret") {
    hello.secret.push_back('x');
  }
  SECTION("long name") {
    hello.name = std::string(129, 'n');
  }
  SECTION("a third connection") {
    hello.connection = static_cast<Connection>(2);
  }
  room.probe.tell(room.ann, hello);
  room.probe.expect_error(room.ann, Code::bad_session);
  room.stat(room.ann, 1);
  room.probe.expect_error(room.ann, Code::hello_required);
}

TEST_CASE("a hello that does not decode is refused", "[broker]") {
  BrokerRoom room;
  Message message = runtime::make_message(room.ann, BrokerRoom::hello("ann"), 1);
  message.body = "no map";
  room.probe.tell(std::move(message));
  CHECK(room.probe.expect_error(room.ann, Code::bad_message).message.header.request_id == 1);
}

TEST_CASE("versions are negotiated at hello", "[broker]") {
  BrokerRoom room;
  auto hello = BrokerRoom::hello("ann");
  SECTION("only newer ones") {
    hello.version_min = hello.version_max = 2;
  }
  SECTION("only older ones") {
    hello.version_min = hello.version_max = 0;
  }
  SECTION("ours among others") {
    hello.version_min = 0, hello.version_max = 9;
    room.probe.tell(room.ann, hello);
    CHECK(room.probe.expect<protocol::Welcome>(room.ann).body.version == 1);
    return;
  }
  room.probe.tell(room.ann, hello);
  room.probe.expect_error(room.ann, Code::version_mismatch);
}

TEST_CASE("another version in the header is refused, whatever the message", "[broker]") {
  BrokerRoom room;
  room.join(room.ann, "ann");
  for (const std::uint8_t version : {0, 2, 255}) {
    for (const bool hello : {true, false}) {
      Message message = hello ? runtime::make_message(room.ann, BrokerRoom::hello("ann"), 4)
                              : runtime::make_message(room.ann, protocol::Ping{}, 4);
      message.header.version = version;
      room.probe.tell(std::move(message));
      const auto error = room.probe.expect_error(room.ann, Code::version_mismatch);
      CHECK(error.message.header.request_id == 4);
      // The answer is in a version that this server speaks.
      CHECK(error.message.header.version == 1);
    }
  }
}

TEST_CASE("strangers have to say hello", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.stat(room.ann, 1);
  room.probe.tell(room.ann, protocol::Ping{}, 2);
  room.probe.tell(room.ann, protocol::Bye{}, 3);
  room.probe.tell(room.ann, protocol::Cancel{1}, 4);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 0, 0}, 5);
  for (std::uint64_t id = 1; id <= 5; ++id)
    CHECK(room.probe.expect_error(room.ann, Code::hello_required).message.header.request_id == id);
  room.probe.expect_silence();
}

TEST_CASE("types that are no client's business are unknown", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  for (const auto type :
       {protocol::Type::sweep, protocol::Type::commit, protocol::Type::worker_hello,
        protocol::Type::session_ended, protocol::Type::stat_reply, protocol::Type{0x7777}}) {
    Message message = runtime::make_message(room.ann, protocol::Stat{"a"}, 9);
    message.header.type = type;
    room.probe.tell(std::move(message));
    CHECK(room.probe.expect_error(room.ann, Code::unknown_type).message.header.request_id == 9);
  }
  room.probe.expect_silence();
}

TEST_CASE("what a client writes into stamp and attempt does not count", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.probe.tell(room.ann, protocol::Stat{"a"}, 1, {99, 98, 97}, 4);
  const Message job = room.job_at(room.one);
  CHECK(job.stamp.session == number_of("ann"));
  CHECK(job.stamp.number == 0);
  CHECK(job.header.attempt == 0);
  room.probe.tell(room.ann, protocol::AcquireLock{{{"a"}}, 0, 0}, 2, {99, 98, 97}, 4);
  room.probe.expect<protocol::SessionAlive>(room.locks);
  const Message acquire = room.probe.expect<protocol::AcquireLock>(room.locks).message;
  CHECK(acquire.stamp.session == number_of("ann"));
  CHECK(acquire.header.attempt == 0);
  room.done(job);
  room.answered(room.ann, 1);
}

TEST_CASE("a session has two connections, and each request is answered on its own", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  const auto welcome = room.join(room.ann_bulk, "ann", Connection::bulk);
  CHECK(welcome.resumed);
  CHECK(welcome.session == number_of("ann"));
  room.stat(room.ann_bulk, 1);
  room.stat(room.ann, 2);
  const Message first = room.job_at(room.one), second = room.job_at(room.one);
  room.done(second);
  room.answered(room.ann, 2);
  room.done(first);
  room.answered(room.ann_bulk, 1);
}

TEST_CASE("a client that comes back over a new connection gets its answers there", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  const Peer again{Port::clients, "ann again"};
  CHECK(room.join(again, "ann").resumed);
  room.stat(room.ann, 2);
  room.probe.expect_error(room.ann, Code::hello_required);
  room.done(room.job_at(room.one));
  room.answered(again, 1);
  room.probe.expect_silence();
}

TEST_CASE("an answer without a connection is dropped, and the request can be repeated",
          "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  const Message job = room.job_at(room.one);
  // The same connection says hello for another session.
  CHECK_FALSE(room.join(room.ann, "bob").resumed);
  room.done(job);
  room.probe.expect_silence();
  CHECK(room.join(room.ann, "ann").resumed);
  room.stat(room.ann, 1);
  const Message again = room.job_at(room.one);
  CHECK(again.stamp.job != job.stamp.job);
  room.done(again);
  room.answered(room.ann, 1);
}

TEST_CASE("sessions are bounded in number; those there are may come back", "[broker]") {
  BrokerRoom room;
  for (std::size_t i = 0; i < limits::sessions; ++i)
    room.join({Port::clients, std::to_string(i)}, std::to_string(i));
  room.probe.tell(room.ann, BrokerRoom::hello("ann"));
  room.probe.expect_error(room.ann, Code::overloaded);
  CHECK(room.join(room.bob, "7").resumed);
  room.probe.tell(room.bob, protocol::Bye{});
  room.probe.expect<protocol::ByeReply>(room.bob);
  room.join(room.ann, "ann");
}

TEST_CASE("a ping tells what is under way", "[broker]") {
  BrokerRoom room;
  room.join_worker(room.one);
  room.join_worker(room.two);
  room.join(room.ann, "ann");
  room.stat(room.ann, 1);
  room.probe.tell(room.ann, protocol::Ping{}, 2);
  const auto pong = room.probe.expect<protocol::Pong>(room.ann);
  CHECK(pong.message.header.request_id == 2);
  CHECK(pong.body.epoch == 7);
  CHECK(pong.body.jobs_under_way == 1);
  CHECK(pong.body.workers == 2);
}
