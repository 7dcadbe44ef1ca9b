// scene_client SERVER NAME: one session of the client library that does what it is told, line by
// line, so that a test can have several requests of it under way, freeze it and kill it. A line of
// standard input is "JOB TYPE BODY [PAYLOAD]" (numbers decimal, bodies and payloads in hex); a
// cancel withdraws the request of its job. Every answer is a line of the same form on standard
// output; those of job 0 came unasked. The end of input ends the session. Run by scenes.py.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "client/session.hpp"
#include "protocol/digest.hpp"
#include "protocol/messages/changes.hpp"
#include "runtime/runner.hpp"
#include "runtime/secrets.hpp"

namespace {

using namespace sluice;
using protocol::Type;
using runtime::Message;
using runtime::Port;

class SceneClient {
 public:
  explicit SceneClient(const client::SessionConfig& config) : session_(config) {}

  protocol::Result<void> attach(const std::string& endpoint) {
    runtime::SocketConfig config;
    config.connect = {endpoint};
    config.stamped = false;
    config.max_frame_bytes = protocol::limits::frame_bytes;
    for (const Port port : {Port::server, Port::server_bulk})
      if (auto bound = runner_.attach(session_, port, config); !bound)
        return tl::make_unexpected(bound.error());
    runner_.deliver_to(session_, Port::application, [this](Message&& message) { tell(message); });
    runner_.watch(STDIN_FILENO, [this] { hear(); });
    return {};
  }

  void run() { runner_.run(); }

 private:
  void hear() {
    char buffer[4096];
    const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return end();
    heard_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t line; (line = heard_.find('\n')) != std::string::npos;) {
      ask(heard_.substr(0, line));
      heard_.erase(0, line + 1);
    }
  }

  void ask(const std::string& line) {
    std::istringstream words(line);
    Message message;
    unsigned type = 0;
    std::string body;
    std::string payload;
    words >> message.stamp.job >> type >> body >> payload;
    message.peer = {Port::application, {}};
    message.header.type = static_cast<Type>(type);
    message.body = protocol::from_hex(body);
    message.payload = protocol::Payload::of(protocol::from_hex(payload));
    if (message.header.type == Type::get)
      message.header.credit_bytes = protocol::limits::small_file_bytes;
    if (message.header.type == Type::put) add_digest(message);
    runner_.post(session_, std::move(message));
  }

  // Whoever writes the line need not know how the digest is made.
  static void add_digest(Message& message) {
    auto put = protocol::decode<protocol::Put>(message.body);
    if (!put) return;
    put->root = protocol::root_of(protocol::leaves_of(message.payload.bytes()));
    message.body = protocol::encode(*put);
  }

  void tell(const Message& message) {
    if (message.header.type == Type::bye_reply) return runner_.stop();
    fmt::print("{} {} {} {}\n", message.stamp.job, static_cast<unsigned>(message.header.type),
               protocol::to_hex(message.body), protocol::to_hex(message.payload.text()));
    std::fflush(stdout);
  }

  void end() {
    if (std::exchange(ended_, true)) return;
    Message bye = runtime::make_message({Port::application, {}}, protocol::Bye{});
    bye.stamp.job = 1;
    runner_.post(session_, std::move(bye));
  }

  runtime::Context context_;
  runtime::Runner runner_{context_};
  client::Session session_;
  std::string heard_;
  bool ended_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  client::SessionConfig config;
  config.secret = runtime::SystemSecrets().bytes(16);
  config.name = argv[2];
  SceneClient client(config);
  if (auto attached = client.attach(argv[1]); !attached) {
    fmt::print(stderr, "scene_client: {}\n", protocol::sentence(attached.error()));
    return 1;
  }
  client.run();
  return 0;
}
