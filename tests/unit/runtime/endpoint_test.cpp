// What users write as an endpoint, and what is in the way of an ipc one.
#include "runtime/endpoint.hpp"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/transport.hpp"
#include "tests/support/catch.hpp"

using namespace sluice::runtime;
using sluice::protocol::Code;
namespace fs = std::filesystem;

namespace {

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "sluice-endpoint-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Directory() { fs::remove_all(path); }
  fs::path path;
};

SocketConfig bound_to(const std::string& endpoint) {
  SocketConfig config;
  config.kind = SocketConfig::Kind::router;
  config.bind = {endpoint};
  return config;
}

}  // namespace

TEST_CASE("endpoints that cannot be meant are refused") {
  for (const char* good : {"tcp://127.0.0.1:5970", "tcp://*:0", "tcp://[::1]:65535", "tcp://h:*",
                           "ipc:///run/x", "ipc://@abstract", "inproc://inside"})
    CHECK(check_endpoint(good));
  for (const char* bad : {"", "foo", "127.0.0.1:1", "tcp://", "tcp://h", "tcp://:1", "tcp://h:",
                          "tcp://h:65536", "tcp://h:-1", "tcp://h:1x", "ipc://", "udp://h:1"}) {
    INFO(bad);
    const auto refused = check_endpoint(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
  }
  CHECK(check_endpoint("ipc://" + std::string(107, 'p')));
  CHECK_FALSE(check_endpoint("ipc://" + std::string(108, 'p')));
}

TEST_CASE("to connect to, an endpoint has to name one") {
  for (const char* good : {"tcp://127.0.0.1:5970", "tcp://[::1]:65535", "tcp://h:10", "ipc://@a"})
    CHECK(check_remote_endpoint(good));
  for (const char* bad : {"tcp://*:5", "tcp://h:*", "tcp://h:0", "tcp://h:00", "tcp://h", "foo"}) {
    INFO(bad);
    const auto refused = check_remote_endpoint(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
    SocketConfig config;
    config.connect = {bad};
    Context context;
    CHECK_FALSE(Socket::open(context, config));
  }
}

TEST_CASE("an ipc endpoint takes nobody's place, and leaves nothing behind") {
  const Directory directory;
  const fs::path path = directory.path / "socket";
  const SocketConfig config = bound_to("ipc://" + path.string());
  Context context;
  SECTION("a file that is no socket") {
    std::ofstream(path) << "precious";
    const auto refused = Socket::open(context, config);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::cannot_listen);
    CHECK(fs::file_size(path) == 8);
  }
  SECTION("somebody else who listens") {
    const auto first = Socket::open(context, config);
    REQUIRE(first);
    const auto second = Socket::open(context, config);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::cannot_listen);
    CHECK(fs::is_socket(path));
  }
  SECTION("a socket whose owner was killed") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    close(fd);
    REQUIRE(fs::is_socket(path));
    CHECK(Socket::open(context, config));
    CHECK_FALSE(fs::exists(path));
  }
}
