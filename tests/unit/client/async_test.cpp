// Futures over tcp against a scripted server: many under way at once, their failures, their end
// with the client, from several threads.
#include <atomic>
#include <latch>
#include <sstream>
#include <thread>

#include "protocol/limits.hpp"
#include "protocol/messages/locks.hpp"
#include "sluice/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/error_of.hpp"
#include "tests/unit/client/fake_server.hpp"
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
constexpr std::size_t large = 700'000;

Options options_for(const std::string& endpoint) {
  Options options;
  options.endpoint = endpoint;
  options.connect_timeout = 1s;
  return options;
}

/// Files in memory, and locks that are always granted.
struct Files {
  FakeServer memory;
  std::mutex mutex;
  std::atomic<int> releases = 0;
  std::atomic<int> reads = 0;
  std::atomic<bool> answers_reads = true;
  /// So many small files are damaged on the way, either way.
  std::atomic<int> damaged = 0;
  std::atomic<int> puts = 0;
  std::atomic<int> gets = 0;

  Files() { memory.granted.small_file_bytes = protocol::limits::small_file_bytes; }
  std::string token_of(const std::string& path) {
    const std::lock_guard lock(mutex);
    return memory.files.at(path).terms.token;
  }
  Reply operator()(const Message& request) {
    const std::lock_guard lock(mutex);
    switch (request.header.type) {
      case Type::acquire_lock:
        return make_reply(request, protocol::AcquireLockReply{token, 1'500});
      case Type::release_lock:
        count(releases);
        return make_reply(request, protocol::ReleaseLockReply{});
      case Type::read:
        count(reads);
        if (!answers_reads) return std::nullopt;
        return memory.serve(request);
      case Type::put: {
        ++puts;
        Message arrived = request;
        if (damaged > 0 && damaged-- > 0) flip(arrived);
        return memory.serve(arrived);
      }
      case Type::get: {
        ++gets;
        Message answer = memory.serve(request);
        if (damaged > 0 && damaged-- > 0) flip(answer);
        return answer;
      }
      default:
        return memory.serve(request);
    }
  }
  static void flip(Message& message) {
    std::string bytes(message.payload.text());
    bytes.at(1) ^= 1;
    message.payload = protocol::Payload::of(std::move(bytes));
  }
};

struct Room {
  Files files;
  TcpServer server{[this](const Message& request) { return files(request); }};
  std::optional<Client> client{std::in_place, options_for(server.endpoint())};
};

std::string content(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 255);
  return bytes;
}

TEST_CASE("a put of either face carries its durability") {
  Room room;
  const auto durability_of = [&](const std::string& path) {
    const std::lock_guard lock(room.files.mutex);
    return room.files.memory.files.at(path).terms.durability;
  };
  room.client->put_bytes("plain", "1");
  room.client->put_bytes("full", "1", {.durability = Durability::full});
  room.client->async().put_bytes("relaxed", "1", {.durability = Durability::relaxed}).get();
  CHECK(durability_of("plain") == protocol::Durability::unsaid);
  CHECK(durability_of("full") == protocol::Durability::full);
  CHECK(durability_of("relaxed") == protocol::Durability::relaxed);
}

TEST_CASE("what is asked for by futures is under way at once, and ends with the client") {
  std::atomic<int> arrived = 0;
  TcpServer server([&](const Message&) -> Reply {
    count(arrived);
    return std::nullopt;
  });
  std::vector<std::future<Attributes>> stats;
  std::vector<std::future<std::uint64_t>> puts;
  std::vector<std::future<std::string>> gets;
  std::future<Lock> lock;
  {
    Client client(options_for(server.endpoint()));
    const AsyncClient async = client.async();
    for (int i = 0; i < 50; ++i) {
      stats.push_back(async.stat("a"));
      puts.push_back(async.put_bytes("b", "some"));
      gets.push_back(async.get_bytes("c"));
    }
    lock = async.acquire({{.path = "d"}}, {.wait = 1h});
    wait_for_least(arrived, 151);
    CHECK(stats.front().wait_for(0s) == std::future_status::timeout);
  }
  for (auto& future : stats) CHECK(code_of(future) == "cancelled");
  for (auto& future : puts) CHECK(code_of(future) == "cancelled");
  for (auto& future : gets) CHECK(code_of(future) == "cancelled");
  CHECK(code_of(lock) == "cancelled");
}

TEST_CASE("small and large files by futures") {
  Room room;
  const AsyncClient async = room.client->async();
  const std::string bytes = content(large);
  CHECK(async.put_bytes("large", bytes).get() > 0);
  CHECK(async.put_bytes("small", "abc").get() > 0);
  CHECK(async.put_bytes("empty", "").get() > 0);
  CHECK(async.get_bytes("large").get() == bytes);
  CHECK(async.get_bytes("small").get() == "abc");
  CHECK(async.get_bytes("empty").get().empty());
  std::uint64_t told = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t total) {
    told = done;
    CHECK(total == large);
  };
  CHECK(async.get_bytes("large", call).get() == bytes);
  CHECK(told == large);
  told = 0;
  CHECK(async.put_bytes("large", bytes, {}, call).get() > 0);
  CHECK(told == large);
  CHECK(code_of(async.get_bytes("none")) == "not_found");
}

TEST_CASE("what was damaged on the way is tried again by futures too") {
  Room room;
  const AsyncClient async = room.client->async();
  room.files.damaged = 1;
  CHECK(async.put_bytes("a", "small").get() > 0);
  CHECK(room.files.puts == 2);
  CHECK(room.client->get_bytes("a") == "small");
  room.files.damaged = 2;
  CHECK(code_of(async.put_bytes("a", "other")) == "digest_mismatch");
  CHECK(room.files.puts == 4);
  room.files.gets = 0;
  room.files.damaged = 2;
  CHECK(async.get_bytes("a").get() == "small");
  CHECK(room.files.gets == 3);
  room.files.damaged = 3;
  CHECK(code_of(async.get_bytes("a")) == "damaged");
  CHECK(room.files.gets == 6);
}

TEST_CASE("callbacks and streams by futures") {
  Room room;
  const AsyncClient async = room.client->async();
  const std::string bytes = content(large);
  const Source source{large, [&](std::uint64_t offset, char* buffer, std::size_t size) {
                        return bytes.copy(buffer, size, offset);
                      }};
  CHECK(async.put("a", source).get() > 0);
  std::string got;
  const auto sink = [&](std::uint64_t, std::string_view piece) { got += piece; };
  CHECK(async.get("a", sink).get().size_bytes == large);
  CHECK(got == bytes);
  std::istringstream in("from a stream");
  CHECK(async.put_stream("b", in).get() > 0);
  std::ostringstream out;
  CHECK(async.get_stream("b", out).get().size_bytes == 13);
  CHECK(out.str() == "from a stream");
  const auto fail = [](std::uint64_t, std::string_view) { throw std::runtime_error("mine"); };
  CHECK_THROWS_AS(async.get("a", fail).get(), std::runtime_error);
}

TEST_CASE("large transfers wait for a thread, and end with the client") {
  Room room;
  room.client->put_bytes("large", content(large));
  room.files.answers_reads = false;
  std::vector<std::future<std::string>> gets;
  for (int i = 0; i < 20; ++i) gets.push_back(room.client->async().get_bytes("large"));
  wait_for_least(room.files.reads, 4);
  auto listed = room.client->async().list("");
  const AsyncClient later = room.client->async();
  room.client.reset();
  for (auto& future : gets) CHECK(code_of(future) == "cancelled");
  CHECK(code_of(listed) == "cancelled");
  CHECK(code_of(later.stat("a")) == "cancelled");
  CHECK(code_of(later.put_bytes("a", "b")) == "cancelled");
  CHECK(code_of(later.put_bytes("a", content(large))) == "cancelled");
  CHECK(code_of(later.get_file("large", {.path = "/nowhere"})) == "cancelled");
}

TEST_CASE("failures come out of the future, with the path that was asked for") {
  TcpServer server([&](const Message& request) {
    return make_error(request, {Code::no_space, {}, {}});
  });
  Client client(options_for(server.endpoint()));
  auto bad = client.async().stat("../x");
  CHECK(code_of(bad) == "bad_path");
  auto full = client.async().put_bytes("full/file", "abc");
  const Error error = error_of([&] { full.get(); });
  CHECK(error.code() == "no_space");
  CHECK(error.path() == "full/file");
  CHECK(error_of([&] { client.rename("here", "there"); }).path() == "here");
  CHECK(error_of([&] { client.put_bytes("file", content(large)); }).path() == "file");
  const Client nobody(options_for("tcp://127.0.0.1:1"));
  auto unreachable = nobody.async().stat("a");
  CHECK(error_of([&] { unreachable.get(); }).path() == "tcp://127.0.0.1:1");
}

TEST_CASE("a future is stopped, or runs out of its time") {
  std::atomic<int> asked = 0;
  std::map<std::uint64_t, Message> held;
  TcpServer server([&](const Message& request) -> Reply {
    if (request.header.type != Type::cancel) {
      held[request.header.request_id] = request;
      count(asked);
      return std::nullopt;
    }
    const auto which = protocol::decode<protocol::Cancel>(request.body).value().request_id;
    return make_error(held[which], {Code::cancelled, {}, {}});
  });
  Options options = options_for(server.endpoint());
  SECTION("stopped") {
    Client client(options);
    std::stop_source stop;
    auto lock = client.async().acquire({{.path = "a"}}, {.wait = 1h, .stop = stop.get_token()});
    auto stat = client.async().stat("a", {.stop = stop.get_token()});
    auto other = client.async().stat("b");
    wait_for_least(asked, 3);
    stop.request_stop();
    CHECK(code_of(lock) == "cancelled");
    CHECK(error_of([&] { stat.get(); }).path() == "a");
    CHECK(other.wait_for(0s) == std::future_status::timeout);
    CHECK(code_of(client.async().stat("a", {.stop = stop.get_token()})) == "cancelled");
  }
  SECTION("out of time") {
    options.request_timeout = 100ms;
    Client client(options);
    auto stat = client.async().stat("a");
    auto get = client.async().get_bytes("b");
    CHECK(code_of(stat) == "timed_out");
    CHECK(code_of(get) == "timed_out");
  }
}

TEST_CASE("a lock that nobody takes out of its future is given back") {
  Room room;
  room.client->async().acquire({{.path = "a"}},
                               {.on_lost = [](const Error&) { FAIL("not lost"); }});
  wait_for_least(room.files.releases, 1);
  Lock lock = room.client->async().acquire({{.path = "a"}}).get();
  CHECK(lock.token() == token);
  room.client->async().release(std::move(lock)).get();
  CHECK(room.files.releases == 2);
  CHECK(lock.lost());
  room.client->async().release(Lock()).get();
}

TEST_CASE("changes under a lock carry its token, both ways, unless they name another") {
  Room room;
  Client& client = *room.client;
  const Lock lock = client.acquire({{.path = "a"}});
  client.put_bytes("without", "1");
  client.under(lock).put_bytes("small", "1");
  client.under(lock).put_bytes("large", content(large));
  client.under(lock).put_bytes("named", "1", {.token = "8-0123456789abcdef"});
  client.under(lock).async().put_bytes("later", "1").get();
  client.under(lock).async().put_bytes("much later", content(large)).get();
  const auto token_of = [&](const char* path) { return room.files.token_of(path); };
  CHECK(token_of("without").empty());
  CHECK(token_of("small") == token);
  CHECK(token_of("large") == token);
  CHECK(token_of("named") == "8-0123456789abcdef");
  CHECK(token_of("later") == token);
  CHECK(token_of("much later") == token);
  CHECK(error_of([&] { client.under(Lock()).put_bytes("a", ""); }).code() == "fenced");
}

TEST_CASE("several threads share one client and its futures") {
  Room room;
  constexpr int threads = 8, files_each = 100;
  std::atomic<int> right = 0;
  std::latch begin(threads);
  std::vector<std::jthread> running;
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      const AsyncClient async = room.client->async();
      const auto name = [t](int i) { return std::to_string(t) + "/" + std::to_string(i); };
      begin.arrive_and_wait();
      std::vector<std::future<std::uint64_t>> puts;
      for (int i = 0; i < files_each; ++i) puts.push_back(async.put_bytes(name(i), name(i)));
      for (auto& put : puts) put.get();
      std::vector<std::future<std::string>> gets;
      for (int i = 0; i < files_each; ++i) gets.push_back(async.get_bytes(name(i)));
      for (int i = 0; i < files_each; ++i)
        right += gets[static_cast<std::size_t>(i)].get() == name(i);
    });
  running.clear();
  CHECK(right == threads * files_each);
}

}  // namespace
}  // namespace sluice::tests
