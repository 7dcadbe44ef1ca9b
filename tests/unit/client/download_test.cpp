// Downloads against a server in memory that answers out of order and fails on demand; local files
// that downloads go into.
#include "client/transfer/download.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/transfer/local_target.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

namespace sluice::tests {
namespace {

using client::download;
using client::LocalTarget;
using protocol::Code;
using protocol::Result;
using protocol::Type;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 13 + i / 239);
  return bytes;
}

/// Takes bytes in order, and checks that they are.
struct Collector {
  std::string bytes;
  client::Output output() {
    return [this](std::uint64_t offset, std::string_view piece) -> Result<void> {
      CHECK(offset == bytes.size());
      CHECK_FALSE(piece.empty());
      bytes += piece;
      return {};
    };
  }
};

TEST_CASE("a file comes whole and in order, small or large") {
  const std::size_t size =
      GENERATE(0u, 1u, 1'000u, 1'001u, 128u << 10, (128u << 10) + 1, 3u << 20, (3u << 20) + 17);
  FakeServer server;
  server.files["a"] = {pattern(size), 42, {}, {}};
  Collector got;
  std::uint64_t reported = 0;
  Call call;
  call.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(total == size);
    reported = done;
  };
  const auto attributes = download(server, "a", got.output(), call);
  REQUIRE(attributes);
  CHECK(attributes->version == 42);
  CHECK(attributes->size_bytes == size);
  CHECK(got.bytes == server.files["a"].bytes);
  CHECK(reported == size);
  server.settle();
  CHECK(server.snapshots.empty());
  CHECK(server.seen[Type::read_end] == (size > 1'000 ? 1 : 0));
}

TEST_CASE("what is asked for at once is bounded by the server's window") {
  FakeServer server;
  server.files["a"] = {pattern(4u << 20), 42, {}, {}};
  Collector got;
  REQUIRE(download(server, "a", got.output(), {}));
  server.settle();
  CHECK(server.most_bytes_at_once > server.granted.chunk_bytes);
  CHECK(server.most_bytes_at_once <= server.granted.window_bytes / 2);
}

TEST_CASE("what the server says is the failure") {
  FakeServer server;
  const auto missing = download(server, "none", Collector().output(), {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::not_found);
  CHECK(missing.error().path == "none");

  server.files["a"] = {pattern(1u << 20), 42, {}, {}};
  server.fault = [](const runtime::Message& request) -> std::optional<protocol::Error> {
    if (request.header.type == Type::read) return protocol::Error{Code::snapshot_gone, {}, {}};
    return std::nullopt;
  };
  const auto gone = download(server, "a", Collector().output(), {});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Code::snapshot_gone);
  server.settle();
  CHECK(server.seen[Type::read_end] == 1);
}

/// The answer with one byte of its payload changed.
void damage(runtime::Message& answer) {
  std::string bytes(answer.payload.text());
  bytes[bytes.size() / 2] ^= 1;
  answer.payload = protocol::Payload::of(std::move(bytes));
}

TEST_CASE("bytes damaged on the way are asked for again") {
  FakeServer server;
  server.files["a"] = {pattern(1u << 20), 42, {}, {}};
  int damaged = 0;
  server.tamper = [&](runtime::Message& answer) {
    if (answer.header.type == Type::read_reply && damaged++ < 2) damage(answer);
  };
  Collector got;
  REQUIRE(download(server, "a", got.output(), {}));
  CHECK(got.bytes == server.files["a"].bytes);
  CHECK(server.seen[Type::read] == 10);
}

TEST_CASE("a small file that was damaged on the way is asked for again") {
  FakeServer server;
  server.files["a"] = {pattern(700), 42, {}, {}};
  int damaged = 0;
  server.tamper = [&](runtime::Message& answer) {
    if (answer.header.type == Type::get_reply && damaged++ < 2) damage(answer);
  };
  Collector got;
  REQUIRE(download(server, "a", got.output(), {}));
  CHECK(got.bytes == server.files["a"].bytes);
  CHECK(server.seen[Type::get] == 3);
}

TEST_CASE("bytes that stay damaged are told") {
  FakeServer server;
  server.files["a"] = {pattern(GENERATE(700u, 1u << 20)), 42, {}, {}};
  server.tamper = [&](runtime::Message& answer) {
    if (!answer.payload.empty()) damage(answer);
  };
  Collector got;
  const auto attributes = download(server, "a", got.output(), {});
  REQUIRE_FALSE(attributes);
  CHECK(attributes.error().code == Code::damaged);
  CHECK(attributes.error().path == "a");
  CHECK(got.bytes.empty());
  server.settle();
  CHECK(server.snapshots.empty());
}

TEST_CASE("leaves that all are right but are not the file's") {
  FakeServer server;
  server.files["a"] = {pattern(1u << 20), 42, {}, {}};
  server.tamper = [&](runtime::Message& answer) {
    if (answer.header.type != Type::read_reply) return;
    damage(answer);
    const std::string leaves = protocol::leaves_of(answer.payload.bytes());
    answer.body = protocol::encode(protocol::ReadReply{protocol::Binary(leaves)});
  };
  Collector got;
  const auto attributes = download(server, "a", got.output(), {});
  REQUIRE_FALSE(attributes);
  CHECK(attributes.error().code == Code::damaged);
}

TEST_CASE("a short answer is no end of file") {
  FakeServer server;
  server.files["a"] = {pattern(GENERATE(900u, 300'000u)), 42, {}, {}};
  server.tamper = [&](runtime::Message& answer) {
    if (!answer.payload.empty()) answer.payload = answer.payload.part(0, 500);
  };
  const auto attributes = download(server, "a", Collector().output(), {});
  REQUIRE_FALSE(attributes);
  CHECK(attributes.error().code == Code::damaged);
}

TEST_CASE("a cancelled download gives its snapshot back") {
  FakeServer server;
  server.files["a"] = {pattern(3u << 20), 42, {}, {}};
  std::stop_source stop;
  Call call;
  call.stop = stop.get_token();
  call.progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  const auto attributes = download(server, "a", Collector().output(), call);
  REQUIRE_FALSE(attributes);
  CHECK(attributes.error().code == Code::cancelled);
  server.settle();
  CHECK(server.snapshots.empty());
  CHECK(server.seen[Type::read_end] == 1);
}

TEST_CASE("a failing or throwing output ends the download") {
  FakeServer server;
  server.files["a"] = {pattern(1u << 20), 42, {}, {}};
  const auto failing = [](std::uint64_t, std::string_view) -> Result<void> {
    return protocol::fail(Code::local_io, "here", "full");
  };
  const auto attributes = download(server, "a", failing, {});
  REQUIRE_FALSE(attributes);
  CHECK(attributes.error().code == Code::local_io);
  const auto throwing = [](std::uint64_t, std::string_view) -> Result<void> {
    throw std::runtime_error("out of paper");
  };
  CHECK_THROWS_WITH(download(server, "a", throwing, {}), "out of paper");
  server.settle();
  CHECK(server.snapshots.empty());
}

struct Scratch {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("sluice-download-" + std::to_string(getpid()));
  Scratch() { std::filesystem::create_directories(directory); }
  ~Scratch() { std::filesystem::remove_all(directory); }
  std::string path(const std::string& name) const { return directory / name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory), {}));
  }
  std::string content(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
};

Attributes attributes_of(std::uint32_t mode, std::int64_t mtime_ns) {
  Attributes attributes;
  attributes.mode = mode;
  attributes.mtime_ns = mtime_ns;
  return attributes;
}

TEST_CASE("a local target has its name only when it is whole") {
  const Scratch scratch;
  std::ofstream(scratch.path("f")) << "before";
  {
    auto target = LocalTarget::open({scratch.path("f"), true, true, false});
    REQUIRE(target);
    REQUIRE(target->write("af"));
    REQUIRE(target->write("ter"));
    CHECK(scratch.content("f") == "before");
    // Nothing that would stay if the process were killed now.
    CHECK(scratch.entries() == 1);
    SECTION("finished") {
      REQUIRE(target->finish(attributes_of(0751, -1'500'000'000)));
      CHECK(scratch.content("f") == "after");
      struct stat status {};
      REQUIRE(stat(scratch.path("f").c_str(), &status) == 0);
      CHECK((status.st_mode & 07777) == 0751);
      CHECK(status.st_mtim.tv_sec == -2);
      CHECK(status.st_mtim.tv_nsec == 500'000'000);
    }
    SECTION("given up") {}
  }
  CHECK(scratch.entries() == 1);
}

TEST_CASE("a local target that must not be there yet") {
  const Scratch scratch;
  const LocalFile local{scratch.path("f"), false, false, true};
  auto target = LocalTarget::open(local);
  REQUIRE(target);
  REQUIRE(target->write("mine"));
  SECTION("is not") {
    REQUIRE(target->finish({}));
    CHECK(scratch.content("f") == "mine");
  }
  SECTION("comes to be meanwhile") {
    std::ofstream(scratch.path("f")) << "theirs";
    const auto finished = target->finish({});
    REQUIRE_FALSE(finished);
    CHECK(finished.error().code == Code::exists);
    CHECK(scratch.content("f") == "theirs");
  }
  const auto second = LocalTarget::open(local);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::exists);
}

TEST_CASE("local targets of other kinds") {
  const Scratch scratch;
  SECTION("a directory, or none to be in") {
    CHECK(LocalTarget::open({scratch.directory, false, false, false}).error().code ==
          Code::is_directory);
    std::ofstream(scratch.path("f")) << "f";
    CHECK(LocalTarget::open({scratch.path("f/g"), false, false, false}).error().code ==
          Code::not_directory);
    CHECK(LocalTarget::open({scratch.path("no/f"), false, false, false}).error().code ==
          Code::local_io);
  }
  SECTION("a link stays, and what it points to is replaced") {
    std::ofstream(scratch.path("f")) << "before";
    std::filesystem::create_symlink("f", scratch.path("link"));
    auto target = LocalTarget::open({scratch.path("link"), false, false, false});
    REQUIRE(target);
    REQUIRE(target->write("after"));
    REQUIRE(target->finish({}));
    CHECK(std::filesystem::is_symlink(scratch.path("link")));
    CHECK(scratch.content("f") == "after");
  }
  SECTION("a device is written, not replaced") {
    auto target = LocalTarget::open({"/dev/null", true, true, false});
    REQUIRE(target);
    REQUIRE(target->write("gone"));
    REQUIRE(target->finish({}));
    CHECK(std::filesystem::is_character_file("/dev/null"));
  }
}

}  // namespace
}  // namespace sluice::tests
