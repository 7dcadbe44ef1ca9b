// Locks by their tokens, agents and what is held elsewhere, against a scripted server that writes
// down what it is asked.
#include <atomic>
#include <future>
#include <mutex>
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

const std::string token = "7-0123456789abcdef";

/// Does all that it is asked, or refuses all.
class Room {
 public:
  std::atomic<Code> refusal = Code{};

  Room() {
    Options options;
    options.endpoint = server_.endpoint();
    client.emplace(options);
  }

  /// The last request of this kind.
  template <class M>
  M last() {
    const std::lock_guard lock(mutex_);
    for (auto each = asked_.rbegin(); each != asked_.rend(); ++each)
      if (each->header.type == M::type) return protocol::decode<M>(each->body).value();
    FAIL("nothing of this kind was asked");
    throw std::logic_error("not reached");
  }
  std::uint64_t agent_of_last_acquire() { return last<protocol::AcquireLock>().agent; }

 private:
  std::optional<Message> answer(const Message& request) {
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request);
    }
    if (refusal.load() != Code{}) return make_error(request, {refusal, {}, "a waits for b"});
    switch (request.header.type) {
      case Type::acquire_lock: {
        const auto acquire = protocol::decode<protocol::AcquireLock>(request.body).value();
        return make_reply(
            request, protocol::AcquireLockReply{token, acquire.ttl_ms ? acquire.ttl_ms : 1'500});
      }
      case Type::renew_lock:
        return make_reply(request, protocol::RenewLockReply{3'000});
      case Type::convert_lock:
        return make_reply(request, protocol::ConvertLockReply{});
      case Type::release_lock:
        return make_reply(request, protocol::ReleaseLockReply{});
      case Type::break_lock:
        return make_reply(request, protocol::BreakLockReply{});
      case Type::remove:
        return make_reply(request, protocol::RemoveReply{9});
      default:
        return make_error(request, {Code::unknown_type, {}, {}});
    }
  }

  std::mutex mutex_;
  std::vector<Message> asked_;
  TcpServer server_{[this](const Message& request) { return answer(request); }};

 public:
  std::optional<Client> client;
};

TEST_CASE("a lock of a named owner is a token, whatever becomes of the session") {
  Room room;
  const NamedLock lock =
      room.client->acquire_named("nightly", {{.path = "a", .tree = true}}, {.wait = 2s, .ttl = 1h});
  CHECK(lock.token == token);
  CHECK(lock.number == 7);
  CHECK(lock.ttl == 1h);
  const auto asked = room.last<protocol::AcquireLock>();
  CHECK(asked.owner == "nightly");
  CHECK(asked.ttl_ms == 3'600'000);
  CHECK(asked.wait_ms == 2'000);
  CHECK(room.client->async().acquire_named("x", {{.path = "a"}}, {.ttl = 1s}).get().ttl == 1s);
  room.client->remove("a", false, {.token = lock.token});
  CHECK(room.last<protocol::Remove>().terms.token == token);
}

TEST_CASE("an owner has a name, and its lock a time to live") {
  Room room;
  const auto refused = [&](const std::string& owner, std::chrono::milliseconds ttl) {
    return error_of([&] { room.client->acquire_named(owner, {{.path = "a"}}, {.ttl = ttl}); });
  };
  CHECK(refused("", 1s).code() == "usage");
  CHECK(refused(std::string(129, 'x'), 1s).code() == "usage");
  CHECK(refused("nightly", 0s).code() == "usage");
  CHECK(refused("nightly", 99ms).code() == "usage");
  for (const std::string name : {"a\tb", "a\n", "\xff"}) CHECK(refused(name, 1s).code() == "usage");
}

TEST_CASE(
    "whoever has the token renews, converts and releases; an administrator needs the number") {
  Room room;
  Client& client = *room.client;
  CHECK(client.renew(token) == 3s);
  client.upgrade(token, {.wait = 5s, .agent = 3});
  CHECK(room.last<protocol::ConvertLock>().wait_ms == 5'000);
  CHECK(room.last<protocol::ConvertLock>().agent == 3);
  CHECK_FALSE(room.last<protocol::ConvertLock>().shared);
  client.downgrade(token);
  CHECK(room.last<protocol::ConvertLock>().shared);
  client.release(token);
  CHECK(room.last<protocol::ReleaseLock>().token == token);
  client.break_lock(8);
  CHECK(room.last<protocol::BreakLock>().number == 8);
  const AsyncClient async = client.async();
  CHECK(async.renew(token).get() == 3s);
  async.upgrade(token, {.wait = 6s}).get();
  CHECK(room.last<protocol::ConvertLock>().wait_ms == 6'000);
  async.downgrade(token).get();
  async.release(token).get();
  async.break_lock(9).get();
  CHECK(room.last<protocol::BreakLock>().number == 9);
}

TEST_CASE("failures name the lock, and end the one that is held here") {
  Room room;
  const Lock lock = room.client->acquire({{.path = "a"}});
  room.refusal = GENERATE(Code::fenced, Code::lease_expired, Code::locked, Code::deadlock);
  const bool lost = room.refusal == Code::fenced || room.refusal == Code::lease_expired;
  const Error error = error_of([&] { room.client->upgrade(lock.token()); });
  CHECK(error.number() == static_cast<std::uint16_t>(room.refusal.load()));
  CHECK(error.path() == "lock 7");
  CHECK(error.detail() == "a waits for b");
  CHECK(lock.lost() == lost);
  CHECK(error_of([&] { room.client->break_lock(5); }).path() == "lock 5");
  CHECK(error_of([&] { room.client->renew("nonsense"); }).path() == "lock");
}

TEST_CASE("a lock of this process becomes exclusive and shared, and is gone with its token") {
  Room room;
  Lock lock = room.client->acquire({{.path = "a", .shared = true}});
  lock.upgrade({.wait = 4s});
  const auto upgrade = room.last<protocol::ConvertLock>();
  CHECK((upgrade.token == token && !upgrade.shared && upgrade.wait_ms == 4'000));
  lock.downgrade();
  CHECK(room.last<protocol::ConvertLock>().shared);
  CHECK_FALSE(lock.lost());
  SECTION("deadlock leaves it held") {
    room.refusal = Code::deadlock;
    const Error error = error_of([&] { lock.upgrade(); });
    CHECK(error.code() == "deadlock");
    CHECK(error.exit_status() == 5);
    CHECK(error.path() == "a");
    CHECK_FALSE(lock.lost());
  }
  SECTION("a loss is noted") {
    room.refusal = Code::fenced;
    CHECK(error_of([&] { lock.upgrade(); }).code() == "fenced");
    CHECK(lock.loss().value().code() == "fenced");
  }
  SECTION("released by its token") {
    room.client->release(lock.token());
    CHECK(lock.lost());
  }
  room.refusal = Code{};
  Lock none;
  CHECK(error_of([&] { none.upgrade(); }).code() == "fenced");
  CHECK(error_of([&] { none.downgrade(); }).code() == "fenced");
  CHECK(none.loss().value().code() == "fenced");
}

TEST_CASE("a thread is one agent, another thread and each future another, unless one is named") {
  Room room;
  Client& client = *room.client;
  Lock first = client.acquire({{.path = "a"}});
  const auto here = room.agent_of_last_acquire();
  CHECK(here != 0);
  client.acquire({{.path = "b"}});
  CHECK(room.agent_of_last_acquire() == here);
  client.remove("a", false, {.wait = 1s});
  CHECK(room.last<protocol::Remove>().terms.agent == here);
  first.upgrade();
  CHECK(room.last<protocol::ConvertLock>().agent == here);
  std::jthread([&] { client.acquire({{.path = "c"}}); }).join();
  const auto there = room.agent_of_last_acquire();
  CHECK((there != 0 && there != here));
  client.async().acquire({{.path = "d"}}).get();
  const auto future = room.agent_of_last_acquire();
  CHECK((future != 0 && future != here && future != there));
  client.async().acquire({{.path = "e"}}).get();
  CHECK(room.agent_of_last_acquire() != future);
  client.async().remove("a").get();
  CHECK(room.last<protocol::Remove>().terms.agent > future);
  client.async().acquire({{.path = "f"}}, {.agent = here}).get();
  CHECK(room.agent_of_last_acquire() == here);
  client.acquire({{.path = "g"}}, {.agent = 0, .under = "5-0123456789abcdef"});
  CHECK(room.agent_of_last_acquire() == 0);
  CHECK(room.last<protocol::AcquireLock>().under == "5-0123456789abcdef");
}

}  // namespace
}  // namespace sluice::tests
