// Watching over tcp against a scripted server: where a watch begins and goes on, and how it ends.
#include <thread>

#include "protocol/limits.hpp"
#include "protocol/messages/watch.hpp"
#include "sluice/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/error_of.hpp"
#include "tests/unit/client/tcp_server.hpp"
#include "tests/unit/client/wait_for_least.hpp"

namespace sluice::tests {
namespace {

using namespace std::chrono_literals;
using protocol::Type;
using runtime::make_reply;
using runtime::Message;
using Reply = std::optional<Message>;

Options options_for(const std::string& endpoint) {
  Options options;
  options.endpoint = endpoint;
  options.connect_timeout = 1s;
  options.reconnect_limit = 5s;
  return options;
}

protocol::WatchReply put(std::uint64_t version) {
  protocol::WatchEvent event;
  event.version = version;
  event.kind = protocol::EventKind::put;
  event.path = "d/a";
  return {{event}, version, false};
}

/// "Now" is 10. Numbers up to 13 are of others, 14 is a put; up to 17 of others, then nothing.
struct Script {
  std::shared_ptr<std::atomic<int>> waiting = std::make_shared<std::atomic<int>>(0);

  Reply operator()(const Message& request) const {
    if (request.header.type == Type::cancel) return make_reply(request, protocol::CancelReply{});
    const auto watch = protocol::decode<protocol::Watch>(request.body).value();
    if (watch.path == "nothing") {
      count(*waiting);
      return std::nullopt;
    }
    if (!watch.after) return make_reply(request, protocol::WatchReply{{}, 10, false});
    if (*watch.after < 10) return make_reply(request, protocol::WatchReply{{}, 10, true});
    if (*watch.after == 13) return make_reply(request, put(14));
    const std::uint64_t next = std::min<std::uint64_t>(17, *watch.after + 1);
    return make_reply(request, protocol::WatchReply{{}, next, false});
  }
};

TEST_CASE("a watch begins now, or after a version, and goes on where it was") {
  TcpServer server{Script{}};
  Client client(options_for(server.endpoint()));
  Watcher watcher = client.watch("d", {.recursive = true});
  CHECK(watcher.position() == 10);
  // Answers that come early are not all there is.
  const Events found = watcher.next(1h);
  REQUIRE(found.events.size() == 1);
  CHECK(found.events[0].version == 14);
  CHECK(found.events[0].kind == EventKind::put);
  CHECK(found.events[0].path == "d/a");
  CHECK(found.next == 14);
  CHECK(!found.gap);
  CHECK(watcher.position() == 14);
  const Events none = watcher.next(0ms);
  CHECK(none.events.empty());
  CHECK(watcher.position() == 17);
  CHECK(watcher.next(50ms).events.empty());

  Watcher older = client.watch("d", {.after = 3});
  CHECK(older.position() == 3);
  const Events gap = older.next(1h);
  CHECK(gap.gap);
  CHECK(gap.events.empty());
  older = std::move(watcher);
  CHECK(older.position() == 17);
  CHECK(error_of([&] { client.watch("../d"); }).code() == "bad_path");
}

TEST_CASE("all fields of an event come through") {
  protocol::WatchReply reply;
  reply.events.push_back(
      {7, protocol::EventKind::unlock, "a", "b", 5, "ann", true, true, "broken"});
  reply.next = 7;
  TcpServer server([&](const Message& request) { return make_reply(request, reply); });
  Client client(options_for(server.endpoint()));
  const Event event = client.watch("", {.after = 1}).next(0ms).events.at(0);
  CHECK(event.version == 7);
  CHECK(event.kind == EventKind::unlock);
  CHECK(event.path == "a");
  CHECK(event.to_path == "b");
  CHECK(event.lock_number == 5);
  CHECK(event.holder == "ann");
  CHECK(event.tree);
  CHECK(event.shared);
  CHECK(event.ending == "broken");
}

TEST_CASE("a watch is stopped, runs out of time, and ends with its client") {
  std::atomic<bool> waiting = false;
  Message held;
  TcpServer server([&](const Message& request) -> Reply {
    if (request.header.type == Type::cancel)
      return runtime::make_error(held, {protocol::Code::cancelled, {}, {}});
    held = request;
    waiting = true;
    waiting.notify_all();
    return std::nullopt;
  });
  Options options = options_for(server.endpoint());
  SECTION("by whoever called") {
    Client client(options);
    Watcher watcher = client.watch("d", {.after = 10});
    std::stop_source stop;
    std::thread stopper([&] {
      waiting.wait(false);
      stop.request_stop();
    });
    Call call;
    call.stop = stop.get_token();
    CHECK(error_of([&] { watcher.next(1h, call); }).exit_status() == 130);
    stopper.join();
    CHECK(watcher.position() == 10);
  }
  SECTION("by its time") {
    options.request_timeout = 100ms;
    Client client(options);
    Watcher watcher = client.watch("d", {.after = 10});
    CHECK(error_of([&] { watcher.next(50ms); }).code() == "timed_out");
    CHECK(watcher.position() == 10);
  }
  SECTION("with the client") {
    std::optional<Client> client(options);
    Watcher watcher = client->watch("d", {.after = 10});
    auto step = client->async().watch("d", {.after = 10}, 1h);
    client.reset();
    CHECK(error_of([&] { step.get(); }).code() == "cancelled");
    CHECK(error_of([&] { watcher.next(1h); }).code() == "cancelled");
  }
}

TEST_CASE("a watch goes on when the server has come back") {
  Script script;
  auto first = std::make_unique<TcpServer>(script);
  const std::string endpoint = first->endpoint();
  Client client(options_for(endpoint));
  Watcher watcher = client.watch("nothing", {.after = 10});
  std::thread restart([&] {
    wait_for_least(*script.waiting, 1);
    first.reset();
    first = std::make_unique<TcpServer>(
        [](const Message& request) {
          return make_reply(request, protocol::WatchReply{{}, 500, true});
        },
        2, endpoint);
  });
  const Events found = watcher.next(1h);
  restart.join();
  CHECK(found.gap);
  CHECK(watcher.position() == 500);
}

TEST_CASE("a step of a watch as a future") {
  TcpServer server{Script{}};
  Client client(options_for(server.endpoint()));
  CHECK(client.async().watch("d", {}, 1h).get().next == 10);
  CHECK(client.async().watch("d", {.after = 13}, 1h).get().events.size() == 1);
  CHECK(error_of([&] { client.async().watch("/d", {}, 1h).get(); }).code() == "bad_path");
}

}  // namespace
}  // namespace sluice::tests
