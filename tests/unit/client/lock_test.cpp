// Locks as values over tcp against a scripted server: kept while they live, lost by what the server
// says or does not say, and who is told of it.
#include <atomic>
#include <future>
#include <thread>

#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"
#include "sluice/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/error_of.hpp"
#include "tests/unit/client/tcp_server.hpp"

namespace sluice::tests {
namespace {

using namespace std::chrono_literals;
using protocol::Code;
using protocol::Type;
using runtime::make_error;
using runtime::make_reply;
using runtime::Message;
using Reply = std::optional<Message>;

/// Grants locks with the ttl that is asked for (1.5 s if none is); removals are fenced.
struct Room {
  std::atomic<int> grants = 0;
  std::atomic<int> releases = 0;
  /// Whether a server that was restarted still knows the locks.
  std::atomic<bool> remembers = false;
  std::atomic<int> renewals = 0;
  std::optional<TcpServer> server;
  std::string endpoint;
  std::optional<Client> client;

  Room() {
    serve();
    connect();
  }
  void connect() {
    Options options;
    options.endpoint = endpoint;
    client.emplace(options);
  }
  /// Starts a server, or another one in its place.
  void serve(std::uint64_t epoch = 1) {
    server.reset();
    server.emplace([this](const Message& request) { return answer(request); }, epoch,
                   endpoint.empty() ? "tcp://127.0.0.1:*" : endpoint);
    endpoint = server->endpoint();
  }
  Reply answer(const Message& request) {
    switch (request.header.type) {
      case Type::acquire_lock: {
        const auto acquire = protocol::decode<protocol::AcquireLock>(request.body).value();
        const std::string number = std::to_string(++grants);
        return make_reply(request,
                          protocol::AcquireLockReply{number + "-0123456789abcdef",
                                                     acquire.ttl_ms ? acquire.ttl_ms : 1'500});
      }
      case Type::release_lock:
        ++releases;
        return make_reply(request, protocol::ReleaseLockReply{});
      case Type::renew_lock:
        // The last question is about none.
        renewals += protocol::decode<protocol::RenewLock>(request.body)->token.empty() ? 0 : 1;
        if (!remembers) return make_error(request, {Code::fenced, {}, "it is not held"});
        return make_reply(request, protocol::RenewLockReply{1'500});
      case Type::break_lock: {
        // Stays without an answer; the holder is told.
        const auto number = protocol::decode<protocol::BreakLock>(request.body).value().number;
        return runtime::make_message(request.peer,
                                     protocol::LockLost{number, Code::fenced, "it was broken"});
      }
      default:
        return make_error(request, {Code::fenced, {}, {}});
    }
  }
  /// The server says that it knows this lock no more.
  void lose(const Lock& lock) {
    CHECK(error_of([&] { client->under(lock).remove("x"); }).code() == "fenced");
  }
};

/// Counts its calls, and says when the first one has come. To outlive the room, which waits for the
/// end of the calls.
struct Bell {
  std::promise<void> first;
  std::future<void> rung = first.get_future();
  std::atomic<int> calls = 0;
  /// Of the first call.
  std::string reason;
  std::function<void(const Error&)> function() {
    return [this](const Error& why) {
      if (++calls > 1) return;
      reason = why.code() + " " + why.path() + " " + why.detail();
      first.set_value();
    };
  }
};

TEST_CASE("whoever holds a lock is told once that it is lost") {
  Bell bell;
  Room room;
  Lock lock = room.client->acquire({{.path = "a"}}, {.ttl = 1s, .on_lost = bell.function()});
  CHECK_FALSE(lock.lost());
  CHECK_FALSE(lock.loss().has_value());
  std::string reason;
  SECTION("by the server's word") {
    room.lose(lock);
    reason = "fenced a ";
  }
  SECTION("by a server that says so by itself") {
    room.client->async().break_lock(lock.number());
    reason = "fenced a it was broken";
  }
  SECTION("by a server that does not know the session") {
    room.serve(1);
    reason = "lease_expired a the server has forgotten the session";
  }
  SECTION("by a server that does not know the lock after a restart") {
    room.serve(2);
    reason = "fenced a it is not held";
  }
  SECTION("by a server that falls silent") {
    room.server.reset();
    reason =
        "lease_expired a client and server have not heard each other for longer than the lock "
        "lives: the server was "
        "out of reach, or this process did not run";
  }
  REQUIRE(bell.rung.wait_for(20s) == std::future_status::ready);
  CHECK(lock.lost());
  CHECK(bell.reason == reason);
  CHECK(lock.loss().value().code() == reason.substr(0, reason.find(' ')));
  room.serve(3);
  room.lose(lock);
  const Lock other = room.client->acquire({{.path = "b"}});
  CHECK(bell.calls == 1);
}

TEST_CASE("a lock survives a server that remembers it, and is kept by heartbeats from then on") {
  Bell bell;
  Room room;
  room.remembers = true;
  const Lock lock = room.client->acquire({{.path = "a"}}, {.ttl = 3s, .on_lost = bell.function()});
  room.serve(2);
  room.client->ping();
  CHECK(room.renewals == 1);
  CHECK(bell.rung.wait_for(4s) == std::future_status::timeout);
  CHECK_FALSE(lock.lost());
  CHECK(room.renewals == 1);
}

TEST_CASE("an idle client keeps its locks, be their time shorter than the lease") {
  Bell bell;
  Room room;
  const Lock lock = room.client->acquire({{.path = "a"}}, {.ttl = 1s, .on_lost = bell.function()});
  const Lock later = room.client->async()
                         .acquire({{.path = "b"}}, {.ttl = 1'200ms, .on_lost = bell.function()})
                         .get();
  CHECK(bell.rung.wait_for(3s) == std::future_status::timeout);
  CHECK_FALSE(lock.lost());
  CHECK_FALSE(later.lost());
}

TEST_CASE("nobody is told of a lock that was given up, or whose client ends") {
  Bell bell, second;
  Room room;
  Lock lock = room.client->acquire({{.path = "a"}}, {.on_lost = bell.function()});
  const std::string first = lock.token();
  SECTION("released") {
    lock.release();
  }
  SECTION("released by a future") {
    room.client->async().release(std::move(lock)).get();
  }
  SECTION("destroyed") {
    lock = Lock();
  }
  SECTION("replaced") {
    lock = room.client->acquire({{.path = "b"}});
    CHECK(lock.number() == 2);
    room.client->ping();
    CHECK(room.releases == 1);
  }
  SECTION("client ended") {
    room.client.reset();
    CHECK(lock.lost());
    CHECK(error_of([&] { lock.release(); }).code() == "fenced");
  }
  // Whoever is told after this was told after that.
  room.client.reset();
  room.connect();
  const Lock last = room.client->acquire({{.path = "c"}}, {.on_lost = second.function()});
  CHECK(error_of([&] { room.client->remove("x", false, {.token = first}); }).code() == "fenced");
  room.lose(last);
  REQUIRE(second.rung.wait_for(20s) == std::future_status::ready);
  CHECK(bell.calls == 0);
}

TEST_CASE("a lock waits for a call about its loss, and that call may end the lock itself") {
  std::promise<void> entered, go, done;
  std::atomic<bool> finished = false;
  Room room;
  SECTION("another thread waits") {
    Lock lock = room.client->acquire({{.path = "a"}}, {.on_lost = [&](const Error&) {
                                       entered.set_value();
                                       go.get_future().wait();
                                       finished = true;
                                     }});
    room.lose(lock);
    entered.get_future().wait();
    auto released = std::async(std::launch::async, [&] {
      lock = Lock();
      return finished.load();
    });
    CHECK(released.wait_for(50ms) == std::future_status::timeout);
    go.set_value();
    CHECK(released.get());
  }
  SECTION("the call itself does not") {
    Lock lock;
    lock = room.client->acquire({{.path = "a"}}, {.on_lost = [&](const Error&) {
                                  go.get_future().wait();
                                  lock.release();
                                  room.client->ping();
                                  done.set_value();
                                }});
    room.lose(lock);
    go.set_value();
    REQUIRE(done.get_future().wait_for(20s) == std::future_status::ready);
    CHECK(room.releases == 1);
  }
}

TEST_CASE("a view outlives its lock and its client") {
  Room room;
  std::optional<Client> view;
  {
    const Lock lock = room.client->acquire({{.path = "a"}});
    view.emplace(room.client->under(lock));
  }
  CHECK(error_of([&] { view->remove("x"); }).code() == "fenced");
  room.client.reset();
  CHECK(error_of([&] { view->remove("x"); }).code() == "cancelled");
  CHECK(error_of([&] { view->acquire({{.path = "a"}}); }).code() == "cancelled");
}

}  // namespace
}  // namespace sluice::tests
