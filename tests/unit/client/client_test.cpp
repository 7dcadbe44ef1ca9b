// The whole client over tcp against a scripted server: exceptions, threads, locks, a server that is
// not there, goes away or comes back.
#include "sluice/client.hpp"

#include <thread>

#include "protocol/messages/changes.hpp"
#include "protocol/messages/locks.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/error_of.hpp"
#include "tests/unit/client/tcp_server.hpp"
#include "tests/unit/client/wait_for_least.hpp"

namespace sluice::tests {
namespace {

using namespace std::chrono_literals;
using protocol::Code;
using protocol::Type;
using runtime::make_error;
using runtime::make_reply;
using runtime::Message;
using Reply = std::optional<Message>;

constexpr const char* token = "7-0123456789abcdef";

Options options_for(const std::string& endpoint) {
  Options options;
  options.endpoint = endpoint;
  options.connect_timeout = 1s;
  options.reconnect_limit = 5s;
  return options;
}

/// Files named "size/N" have N bytes; everything else is not there. Locks are granted, "taken" not.
Reply answer(const Message& request) {
  switch (request.header.type) {
    case Type::stat: {
      const auto stat = protocol::decode<protocol::Stat>(request.body).value();
      if (!stat.path.starts_with("size/"))
        return make_error(request, {Code::not_found, stat.path, {}});
      protocol::StatReply reply;
      reply.attributes.size_bytes = std::stoull(stat.path.substr(5));
      return make_reply(request, reply);
    }
    case Type::list: {
      const auto list = protocol::decode<protocol::List>(request.body).value();
      protocol::ListReply reply;
      for (int i = 0; i < 3; ++i)
        reply.entries.push_back({std::to_string(list.cookie) + "." + std::to_string(i), {}});
      reply.next_cookie = list.cookie < 4 ? list.cookie + 1 : 0;
      return make_reply(request, reply);
    }
    case Type::acquire_lock: {
      const auto acquire = protocol::decode<protocol::AcquireLock>(request.body).value();
      if (acquire.claims.front().path != "taken")
        return make_reply(request, protocol::AcquireLockReply{token, 1'500});
      if (acquire.wait_ms > 0) return std::nullopt;
      return make_error(request, {Code::locked, "taken", "by you@there:1 for 2 s"});
    }
    case Type::release_lock:
      return make_reply(request, protocol::ReleaseLockReply{});
    case Type::remove:
      return make_error(request, {Code::fenced, "x", {}});
    default:
      return make_error(request, {Code::unknown_type, {}, {}});
  }
}

TEST_CASE("answers and errors come through") {
  TcpServer server(answer);
  Client client(options_for(server.endpoint()));
  CHECK(client.stat("size/123").size_bytes == 123);
  const Error error = error_of([&] { client.stat("none"); });
  CHECK(error.code() == "not_found");
  CHECK(error.number() == 21);
  CHECK(error.exit_status() == 3);
  CHECK(error.path() == "none");
  CHECK(std::string(error.what()) ==
        "none: no such file or directory (on the server); check the name");
  const ServerStatus status = client.ping();
  CHECK(status.server == "scripted");
  CHECK(status.epoch == 1);
  CHECK(status.workers == 2);
  CHECK(status.jobs_under_way == 3);
  CHECK(status.round_trip.count() > 0);
}

TEST_CASE("paths that no server accepts are refused here") {
  Client client(options_for("tcp://127.0.0.1:1"));
  for (const std::string path : {"../x", "/x", ".sluice/x"})
    CHECK(error_of([&] { client.stat(path); }).exit_status() == 2);
  CHECK(error_of([&] { client.stat(std::string("a\0b", 3)); }).code() == "bad_path");
}

TEST_CASE("pages come one after the other") {
  TcpServer server(answer);
  Client client(options_for(server.endpoint()));
  std::vector<std::string> names;
  int pages = 0;
  client.list("", [&](const std::vector<Entry>& entries) {
    ++pages;
    for (const Entry& entry : entries) names.push_back(entry.name);
  });
  CHECK(pages == 5);
  CHECK(names.size() == 15);
  CHECK(names.back() == "4.2");
}

TEST_CASE("a prefix that the server does not know is looked for here") {
  TcpServer server(answer);
  Client client(options_for(server.endpoint()));
  std::vector<std::string> names;
  const auto page = [&](const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) names.push_back(entry.name);
  };
  client.list("", page, {.prefix = "2."});
  CHECK(names == std::vector<std::string>{"2.0", "2.1", "2.2"});
  names.clear();
  client.list("", page, {.prefix = "none"});
  CHECK(names.empty());
}

TEST_CASE("many threads share one client") {
  TcpServer server(answer);
  Client client(options_for(server.endpoint()));
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto size = static_cast<std::uint64_t>(t * 1'000 + i);
        if (client.stat("size/" + std::to_string(size)).size_bytes == size) ++right;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 1'600);
}

TEST_CASE("a server that is not there") {
  Client client(options_for("tcp://127.0.0.1:1"));
  const auto begin = std::chrono::steady_clock::now();
  const Error error = error_of([&] { client.stat("a"); });
  CHECK(error.code() == "unreachable");
  CHECK(error.exit_status() == 8);
  CHECK(error.path() == "tcp://127.0.0.1:1");
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
  CHECK(error_of([] { Client client(options_for("no endpoint")); }).code() == "usage");
}

TEST_CASE("a server that is replaced gets what was unanswered, under the same id") {
  std::atomic<std::uint64_t> first_id = 0;
  std::atomic<std::uint64_t> second_id = 0;
  auto first = std::make_unique<TcpServer>([&](const Message& request) -> Reply {
    first_id = request.header.request_id;
    first_id.notify_all();
    return std::nullopt;
  });
  const std::string endpoint = first->endpoint();
  Client client(options_for(endpoint));
  std::uint64_t size = 0;
  std::thread asking([&] { size = client.stat("size/5").size_bytes; });
  wait_for_least<std::uint64_t>(first_id, 1);
  first.reset();
  TcpServer second(
      [&](const Message& request) {
        second_id = request.header.request_id;
        return answer(request);
      },
      2, endpoint);
  asking.join();
  CHECK(size == 5);
  CHECK(first_id == second_id);
}

TEST_CASE("a lock is held, kept alive and given back") {
  std::atomic<int> releases = 0;
  TcpServer server([&](const Message& request) {
    if (request.header.type == Type::release_lock) ++releases;
    return answer(request);
  });
  {
    Client client(options_for(server.endpoint()));
    Lock lock = client.acquire({{"a", false, false}});
    CHECK(lock.token() == token);
    CHECK(lock.number() == 7);
    CHECK(lock.ttl() == 1'500ms);
    // One each half second keeps it; without them it would be over by now.
    wait_for_least(server.pings(), server.pings() + 4);
    CHECK_FALSE(lock.lost());
    lock.release();
    CHECK(releases == 1);
    lock.release();
    { const Lock second = client.acquire({{"b", true, true}}); }
    client.ping();
    CHECK(releases == 2);
    CHECK(error_of([&] { client.acquire({{"taken", false, false}}); }).exit_status() == 5);
  }
  CHECK(server.byes() == 1);
}

TEST_CASE("a lock is lost with the server's word, its session, or its time") {
  auto server = std::make_unique<TcpServer>(answer);
  const std::string endpoint = server->endpoint();
  std::optional<Client> client(options_for(endpoint));
  std::atomic<bool> lost = false;
  const auto tell = [&](const Error&) {
    lost = true;
    lost.notify_all();
  };
  Lock lock = client->acquire({{"a", false, false}}, {.on_lost = tell});
  CHECK_FALSE(lock.lost());
  SECTION("the server says so") {
    Change change;
    change.token = lock.token();
    CHECK(error_of([&] { client->remove("x", false, change); }).exit_status() == 6);
  }
  SECTION("another server does not know the session") {
    server.reset();
    server = std::make_unique<TcpServer>(answer, 2, endpoint);
    client->stat("size/1");
  }
  SECTION("no sign of the server") {
    server.reset();
    wait_for_least(lost, true);
  }
  SECTION("the client has ended") {
    client.reset();
    CHECK(error_of([&] { lock.release(); }).code() == "fenced");
  }
  CHECK(lock.lost());
}

TEST_CASE("a wait is cancelled, and a request has its time") {
  std::atomic<bool> waiting = false;
  std::atomic<std::uint64_t> cancelled = 0;
  Message held;
  TcpServer server([&](const Message& request) -> Reply {
    if (request.header.type == Type::acquire_lock) {
      held = request;
      waiting = true;
      waiting.notify_all();
      return std::nullopt;
    }
    if (request.header.type != Type::cancel) return std::nullopt;
    cancelled = protocol::decode<protocol::Cancel>(request.body).value().request_id;
    return make_error(held, {Code::cancelled, {}, {}});
  });
  Options options = options_for(server.endpoint());
  SECTION("by whoever called") {
    Client client(options);
    std::stop_source stop;
    std::thread stopper([&] {
      wait_for_least(waiting, true);
      stop.request_stop();
    });
    Acquire how;
    how.wait = 1h;
    how.stop = stop.get_token();
    CHECK(error_of([&] { client.acquire({{"taken", false, false}}, how); }).exit_status() == 130);
    stopper.join();
    CHECK(cancelled == held.header.request_id);
  }
  SECTION("by its time") {
    options.request_timeout = 100ms;
    Client client(options);
    CHECK(error_of([&] { client.stat("size/1"); }).code() == "timed_out");
  }
}

TEST_CASE("errors by name and by number") {
  CHECK(Error("local_io", "f", "full").number() == 122);
  CHECK(Error("no such code", "", "").code() == "io_error");
  const Error newer(std::uint16_t{999}, "a", "");
  CHECK(newer.code() == "unknown_error");
  CHECK(newer.exit_status() == 1);
}

}  // namespace
}  // namespace sluice::tests
